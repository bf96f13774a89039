//! Median, spread and ratio of a few rounds.

/// Returns the median, or `None` without values.
pub(super) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    Some(if sorted.len() % 2 == 1 { upper } else { (sorted[middle - 1] + upper) / 2.0 })
}

/// Returns the smallest and the largest value.
pub(super) fn range(values: &[f64]) -> Option<(f64, f64)> {
    let smallest = values.iter().copied().reduce(f64::min)?;
    Some((smallest, values.iter().copied().reduce(f64::max)?))
}

/// Returns the difference between the largest and the smallest value, relative to the median.
pub(super) fn spread(values: &[f64]) -> Option<f64> {
    let (smallest, largest) = range(values)?;
    Some((largest - smallest) / median(values)?)
}

/// Returns the median of the ratios of `these` to `those` in the same rounds.
pub(super) fn ratio(these: &[f64], those: &[f64]) -> Option<f64> {
    let ratios: Vec<f64> = these.iter().zip(those).map(|(this, that)| this / that).collect();
    median(&ratios)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outlier_does_not_move_the_median() {
        assert_eq!(median(&[3.0, 1.0, 1000.0]), Some(3.0));
        assert_eq!(median(&[4.0, 2.0]), Some(3.0));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn spread_is_relative() {
        assert_eq!(spread(&[90.0, 100.0, 120.0]), Some(0.3));
    }

    /// A machine that slows down from round to round does not change a ratio.
    #[test]
    fn ratios_are_taken_within_a_round() {
        assert_eq!(ratio(&[200.0, 100.0, 50.0], &[100.0, 50.0, 25.0]), Some(2.0));
        assert_eq!(ratio(&[1.0], &[]), None);
    }
}
