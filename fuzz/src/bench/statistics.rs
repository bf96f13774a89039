//! Median, spread and ratio of a few rounds.

/// The median; none without values.
pub(super) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    Some(if sorted.len() % 2 == 1 { upper } else { (sorted[middle - 1] + upper) / 2.0 })
}

/// The smallest and the largest.
pub(super) fn range(values: &[f64]) -> Option<(f64, f64)> {
    let smallest = values.iter().copied().reduce(f64::min)?;
    Some((smallest, values.iter().copied().reduce(f64::max)?))
}

/// How far apart the smallest and the largest are, as a share of the median.
pub(super) fn spread(values: &[f64]) -> Option<f64> {
    let (smallest, largest) = range(values)?;
    Some((largest - smallest) / median(values)?)
}

/// The median of the ratios of `these` to `those` in the same rounds.
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

    /// A machine that becomes slower from round to round does not change a ratio.
    #[test]
    fn ratios_are_taken_within_a_round() {
        assert_eq!(ratio(&[200.0, 100.0, 50.0], &[100.0, 50.0, 25.0]), Some(2.0));
        assert_eq!(ratio(&[1.0], &[]), None);
    }
}
