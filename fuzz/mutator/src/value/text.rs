//! Mutations of a value as an application sees it: by characters, and to the borders of types.

use unicode_normalization::UnicodeNormalization;

use crate::random::Random;

/// Largest number of steps of one mutation.
const MAX_STEPS: usize = 4;
/// Length beyond which a value is not doubled, in bytes.
const LONG_VALUE_BYTES: usize = 256;

/// Characters of one to four bytes, and sequences that change when they are normalised or change case.
#[rustfmt::skip]
const CHARACTERS: &[&str] = &[
    "a", "A", "0", "9", " ", "-", ".", "/", "\\", "%", "'", "\"", "<", "&", "\0", "\n", "\u{7f}",
    "\u{e9}", "\u{df}", "\u{130}", "\u{3b1}", "\u{a0}", "e\u{301}", "\u{301}",
    "\u{20ac}", "\u{4e2d}", "\u{fb01}", "\u{212a}", "\u{202e}", "\u{200d}", "\u{feff}", "\u{fffd}", "\u{2028}",
    "\u{1f600}", "\u{1d400}", "\u{10ffff}", "\u{1f468}\u{200d}\u{1f469}",
];

/// Values at the borders of the types that applications parse, and just outside.
#[rustfmt::skip]
const BORDERS: &[&str] = &[
    "", "0", "-0", "1", "-1", "2", "10", "+1", "00", "01", "1.0", "1.", ".5", "1e9", "1e400", "-1e400", "0x10", "1_000",
    "127", "128", "-128", "-129", "255", "256", "32767", "32768", "-32768", "-32769", "65535", "65536", "2147483647",
    "2147483648", "-2147483648", "-2147483649", "4294967295", "4294967296", "9007199254740993", "9223372036854775807",
    "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "18446744073709551615",
    "18446744073709551616", "340282366920938463463374607431768211456", "4.9e-324", "1.7976931348623157e308", "NaN",
    "Infinity", "true", "false", "null", "None", "undefined", "on", "[]", "{}",
    "1970-01-01", "2024-02-29", "2023-02-29", "0000-00-00", "9999-12-31", "10000-01-01", "1969-12-31T23:59:59Z",
    "2024-02-29T24:00:00Z", "2016-12-31T23:59:60Z", "2024-01-01T00:00:00+24:00", "00:00", "24:00", "P1D", "1h",
    "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "00000000-0000-0000-0000-00000000000", "{00000000-0000-0000-0000-000000000000}", "00000000000000000000000000000000",
    ".", "..", "../", "../../etc/passwd", "a/..", "%2e%2e", "~", "*", "a@b", "@", "a,b", ",", "a=b", "a:b", "1kb", "10MB",
    "127.0.0.1", "256.0.0.1", "::1", "[::1]", "localhost", "http://a/",
];

/// Returns a value at the border of a type.
pub(crate) fn border(random: &mut Random) -> &'static [u8] {
    random.word(BORDERS)
}

/// Changes a value, in one or several steps.
pub(crate) fn mutate_text(random: &mut Random, text: &mut Vec<u8>) {
    for _ in 0..=random.below(MAX_STEPS) {
        step(random, text);
    }
}

fn step(random: &mut Random, text: &mut Vec<u8>) {
    let at = boundary(text, random.below(text.len() + 1));
    let next = next_boundary(text, at);
    let character = random.word(CHARACTERS);
    match random.below(12) {
        0..=2 => drop(text.splice(at..at, character.iter().copied())),
        3 | 4 => drop(text.splice(at..next, character.iter().copied())),
        5 => drop(text.drain(at..next)),
        6 => {
            let magnitude = if random.one_in(16) { 12 } else { 6 };
            let repeated = text[at..next].repeat(1 << random.below(magnitude));
            drop(text.splice(at..at, repeated));
        }
        7 if text.len() <= LONG_VALUE_BYTES => text.extend_from_within(..),
        7 | 8 => text.truncate(at),
        9 => near_number(random, text),
        10 => normalise(random, text),
        _ => border(random).clone_into(text),
    }
}

/// Replaces a number by one that is near, or of another size or sign.
fn near_number(random: &mut Random, text: &mut Vec<u8>) {
    let Some(number) = std::str::from_utf8(text).ok().and_then(|text| text.parse::<i128>().ok()) else {
        return border(random).clone_into(text);
    };
    let near = match random.below(5) {
        0 => number.saturating_neg(),
        1 => number.saturating_mul(10),
        2 => number / 2,
        _ => number.saturating_add(random.below(5) as i128 - 2),
    };
    *text = near.to_string().into_bytes();
}

/// Changes the case of a value, or its normalisation form.
fn normalise(random: &mut Random, text: &mut Vec<u8>) {
    let Ok(whole) = std::str::from_utf8(text) else { return };
    let other: String = match random.below(6) {
        0 => whole.nfc().collect(),
        1 => whole.nfd().collect(),
        2 => whole.nfkc().collect(),
        3 => whole.nfkd().collect(),
        4 => whole.to_uppercase(),
        _ => whole.to_lowercase(),
    };
    *text = other.into_bytes();
}

/// Returns the start of the character that `at` is in.
fn boundary(text: &[u8], at: usize) -> usize {
    (0..=at).rev().find(|at| text.get(*at).is_none_or(|byte| is_start(*byte))).unwrap_or(0)
}

/// Returns the end of the character that starts at `at`.
fn next_boundary(text: &[u8], at: usize) -> usize {
    let rest = text.get(at + 1..).unwrap_or_default();
    (at + 1 + rest.iter().take_while(|byte| !is_start(**byte)).count()).min(text.len())
}

fn is_start(byte: u8) -> bool {
    byte & 0xc0 != 0x80
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_value_is_changed_without_a_panic(text: Vec<u8>, seed: u64) {
            let mut text = text;
            let mut random = Random::new(seed);
            for _ in 0..16 {
                mutate_text(&mut random, &mut text);
                text.truncate(1 << 12);
            }
        }

        #[test]
        fn characters_stay_whole(text in ".{0,8}", seed: u64) {
            let mut text = text.into_bytes();
            mutate_text(&mut Random::new(seed), &mut text);
            prop_assert!(std::str::from_utf8(&text).is_ok());
        }
    }

    /// A slice at the eighth byte of a name is inside a character.
    #[test]
    fn characters_come_to_any_place() {
        let mut random = Random::new(1);
        let found = (0..100_000).position(|_| {
            let mut text = b"world".to_vec();
            mutate_text(&mut random, &mut text);
            let text = std::str::from_utf8(&text).expect("UTF-8");
            text.len() > 8 && !text.is_char_boundary(8)
        });
        assert!(found.is_some_and(|tries| tries < 2_000), "{found:?}");
    }
}
