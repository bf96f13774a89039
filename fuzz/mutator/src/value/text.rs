//! Mutations of a value as an application sees it: by characters, and to the borders of types.

use std::ops::Range;

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

/// Inverse of the probability that a border is one of any type, not of that of the value which it replaces.
const ANY_TYPE_ONE_IN: usize = 4;

/// Type that an application parses: the values that it accepts look like each other.
struct ParsedType {
    /// Whether a value looks like one of the type.
    includes: fn(&[u8]) -> bool,
    /// Values at the borders of the type, and just outside.
    borders: &'static [&'static str],
}

/// Types that applications parse. The last one includes every value.
#[rustfmt::skip]
const PARSED_TYPES: &[ParsedType] = &[
    ParsedType {
        includes: |value| matches!(value, b"true" | b"false" | b"null" | b"on" | b"off" | b"yes" | b"no"),
        borders: &["true", "false", "null", "True", "None", "undefined", "on", "0", "1", "", "[]", "{}"],
    },
    ParsedType {
        includes: is_number,
        borders: &[
            "0", "0", "-0", "1", "-1", "2", "10", "", "+1", "00", "01", "1.0", "1.", ".5", "1e9", "1e400", "-1e400", "0x10",
            "1_000", "127", "128", "-128", "-129", "255", "256", "32767", "32768", "-32768", "-32769", "65535", "65536",
            "2147483647", "2147483648", "-2147483648", "-2147483649", "4294967295", "4294967296", "9007199254740993",
            "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809",
            "18446744073709551615", "18446744073709551616", "340282366920938463463374607431768211456", "4.9e-324",
            "1.7976931348623157e308", "NaN", "Infinity",
        ],
    },
    ParsedType {
        includes: is_identifier,
        borders: &[
            "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
            "00000000-0000-0000-0000-00000000000", "{00000000-0000-0000-0000-000000000000}",
            "00000000000000000000000000000000",
        ],
    },
    ParsedType {
        includes: is_time,
        borders: &[
            "1970-01-01", "2024-02-29", "2023-02-29", "0000-00-00", "9999-12-31", "10000-01-01", "1969-12-31T23:59:59Z",
            "2024-02-29T24:00:00Z", "2016-12-31T23:59:60Z", "2024-01-01T00:00:00+24:00", "00:00", "24:00", "P1D", "1h",
        ],
    },
    ParsedType {
        includes: |_| true,
        borders: &[
            "", ".", "..", "../", "../../etc/passwd", "a/..", "%2e%2e", "~", "*", "a@b", "@", "a,b", ",", "a=b", "a:b", "1kb",
            "10MB", "127.0.0.1", "256.0.0.1", "::1", "[::1]", "localhost", "http://a/",
        ],
    },
];

/// Returns a value at the border of a type, mostly that of `value`.
pub(crate) fn border(random: &mut Random, value: &[u8]) -> &'static [u8] {
    let own = PARSED_TYPES.iter().find(|parsed| (parsed.includes)(value));
    let parsed = if random.one_in(ANY_TYPE_ONE_IN) { None } else { own };
    let parsed = parsed.unwrap_or_else(|| &PARSED_TYPES[random.below(PARSED_TYPES.len())]);
    random.word(parsed.borders)
}

fn is_number(value: &[u8]) -> bool {
    let digits = value.strip_prefix(b"-").unwrap_or(value);
    digits.first().is_some_and(u8::is_ascii_digit)
        && digits.iter().all(|byte| byte.is_ascii_digit() || b".eE+".contains(byte))
}

/// Whether this is a UUID, or as long as one.
fn is_identifier(value: &[u8]) -> bool {
    value.len() >= 32 && value.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b'-')
}

/// Whether this is a date, a time of day, or both.
fn is_time(value: &[u8]) -> bool {
    let parts = value.split(|byte| b"-:T".contains(byte));
    value.first().is_some_and(u8::is_ascii_digit)
        && parts.clone().count() >= 2
        && parts.take(2).all(|part| !part.is_empty() && part.iter().all(u8::is_ascii_digit))
}

/// Changes a value, in one or several steps.
pub(crate) fn mutate_text(random: &mut Random, text: &mut Vec<u8>) {
    for _ in 0..=random.below(MAX_STEPS) {
        step(random, text);
    }
}

fn step(random: &mut Random, text: &mut Vec<u8>) {
    if !text.is_empty() && text.iter().all(u8::is_ascii_digit) && random.one_in(2) {
        return near_number(random, text);
    }
    let at = boundary(text, random.below(text.len() + 1));
    let next = next_boundary(text, at);
    let character = random.word(CHARACTERS);
    match random.below(12) {
        0..=2 => drop(text.splice(at..at, character.repeat(run_length(random)))),
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
        _ => border(random, text).clone_into(text),
    }
}

/// Returns how often a character is inserted: mostly once. A run of long characters covers the places at which
/// applications cut a text, whatever they are.
fn run_length(random: &mut Random) -> usize {
    if random.one_in(3) { 1 << random.below(7) } else { 1 }
}

/// Replaces a number in the text by one that is near, or of another size or sign.
pub(crate) fn near_number(random: &mut Random, text: &mut Vec<u8>) {
    let Some(digits) = random_digits(random, text) else { return border(random, text).clone_into(text) };
    let number = std::str::from_utf8(&text[digits.clone()]).ok().and_then(|text| text.parse::<i128>().ok());
    let number = number.unwrap_or_default();
    let small = 2 << random.below(7);
    let near = match random.below(8) {
        0 => number.saturating_neg(),
        1 => number.saturating_mul(10),
        2 => number / 2,
        3 | 4 => number.saturating_add(random.below(5) as i128 - 2),
        5 => i128::from(random.of_any_magnitude()),
        _ => random.below(small) as i128,
    };
    drop(text.splice(digits, near.to_string().into_bytes()));
}

/// Returns the range of one of the text's runs of digits, with a sign at the start of the text.
fn random_digits(random: &mut Random, text: &[u8]) -> Option<Range<usize>> {
    let from = random.below(text.len());
    let next = |from: usize| text[from..].iter().position(u8::is_ascii_digit).map(|place| from + place);
    let found = next(from).or_else(|| next(0))?;
    let before = text[..found].iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let after = text[found..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let start = found - before;
    let has_sign = start == 1 && text[0] == b'-';
    Some(start - usize::from(has_sign)..found + after)
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

    /// Returns how many of 20,000 mutations of a text have a property.
    fn count(text: &str, has: impl Fn(&str) -> bool) -> usize {
        let mut random = Random::new(1);
        let mutated = |_: &usize| {
            let mut text = text.as_bytes().to_vec();
            mutate_text(&mut random, &mut text);
            has(std::str::from_utf8(&text).expect("UTF-8"))
        };
        (0..20_000).filter(mutated).count()
    }

    /// A slice at the eighth or at the 24th byte of a name is inside a character.
    #[test]
    fn characters_come_to_any_place() {
        let is_inside = |text: &str, at| text.len() > at && !text.is_char_boundary(at);
        assert!(count("world", |text| is_inside(text, 8)) > 400);
        assert!(count("world", |text| is_inside(text, 24)) > 200);
    }

    #[test]
    fn borders_are_mostly_those_of_the_own_type() {
        let mut random = Random::new(1);
        let mut own = |value: &[u8], is_own: fn(&[u8]) -> bool| {
            (0..1000).filter(|_| is_own(border(&mut random, value))).count()
        };
        assert!(own(b"17", is_number) > 500);
        assert!(own(b"2026-11-30", is_time) > 500);
        assert!(own(b"true", |word| matches!(word, b"true" | b"false")) > 100);
        assert!(own(b"2f1e9c1e-ffff-4fff-8fff-ffffffffffff", is_identifier) > 300);
        assert!((5..300).contains(&own(b"name", is_number)));
    }

    #[test]
    fn numbers_inside_texts_change() {
        assert!(count("1", |text| text == "12") > 10);
        assert!(count("2024-02-29", |text| text.starts_with("2024-0-")) > 10);
        assert!(count("-5", |text| text == "-6") > 10);
    }
}
