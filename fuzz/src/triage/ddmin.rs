//! Delta debugging: removes parts of a list as long as it keeps a property (Zeller and Hildebrandt, "Simplifying and
//! Isolating Failure-Inducing Input", 2002, algorithm ddmin).

use anyhow::Result;

/// Returns a part of `items`, in order, that still `holds`, and of which no single item can be left out. `items` as a
/// whole must hold. Once `is_over`, returns the smallest list so far.
///
/// # Errors
/// Those of `holds`.
pub(super) fn minimize<T: Clone>(
    items: Vec<T>,
    mut holds: impl FnMut(&[T]) -> Result<bool>,
    mut is_over: impl FnMut() -> bool,
) -> Result<Vec<T>> {
    let mut items = last_items(items, &mut holds, &mut is_over)?;
    let mut parts = 2;
    while items.len() > 1 && !is_over() {
        let size = items.len().div_ceil(parts);
        let mut smaller = None;
        for start in (0..items.len()).step_by(size) {
            if is_over() {
                break;
            }
            let end = (start + size).min(items.len());
            let rest = [&items[..start], &items[end..]].concat();
            if !rest.is_empty() && holds(&rest)? {
                smaller = Some(rest);
                break;
            }
        }
        match smaller {
            Some(rest) => {
                items = rest;
                parts = (parts - 1).max(2);
            }
            None if size == 1 => break,
            None => parts = (parts * 2).min(items.len()),
        }
    }
    Ok(items)
}

/// Returns the shortest end of the list that holds, among ends whose lengths are powers of two: most findings need only
/// few items before the last one.
fn last_items<T: Clone>(
    items: Vec<T>,
    holds: &mut impl FnMut(&[T]) -> Result<bool>,
    is_over: &mut impl FnMut() -> bool,
) -> Result<Vec<T>> {
    let lengths = (0..).map(|exponent| 1 << exponent).take_while(|&length| length < items.len());
    for length in lengths {
        let last = &items[items.len() - length..];
        if is_over() {
            break;
        }
        if holds(last)? {
            return Ok(last.to_vec());
        }
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minimize_to(needed: &[u32], count: u32) -> (Vec<u32>, usize) {
        let mut tests = 0;
        let holds = |items: &[u32]| {
            tests += 1;
            Ok(needed.iter().all(|needed| items.contains(needed)))
        };
        let left = minimize((0..count).collect(), holds, || false).expect("no error");
        (left, tests)
    }

    #[test]
    fn only_needed_items_are_left() {
        for needed in [&[999][..], &[0, 999], &[3, 500, 501, 998], &[0, 1, 2]] {
            let (left, tests) = minimize_to(needed, 1000);
            assert_eq!(left, needed);
            assert!(tests < 200, "{tests} tests for {needed:?}");
        }
    }

    #[test]
    fn an_ordered_pair_and_repetitions_are_found() {
        let items: Vec<u32> = (0..100).map(|number| number % 10).collect();
        let three_sevens = |items: &[u32]| Ok(items.iter().filter(|item| **item == 7).count() >= 3);
        assert_eq!(minimize(items, three_sevens, || false).expect("no error"), [7, 7, 7]);
    }

    #[test]
    fn a_list_that_takes_too_long_stays_valid() {
        let mut left = 5;
        let is_over = || {
            left -= 1;
            left < 0
        };
        let holds = |items: &[u32]| Ok(items.contains(&0));
        assert!(minimize((0..100).collect(), holds, is_over).expect("no error").contains(&0));
    }
}
