//! Texts that a pattern matches (`pattern` in a schema, a regular expression of ECMA-262).

use regex_syntax::hir::{Class, Hir, HirKind};

/// Number of repetitions of a part that may be left out.
const OPTIONAL_REPETITIONS: u32 = 1;
/// Maximum number of repetitions of a part.
const MAX_REPETITIONS: u32 = 1000;
/// Maximum length of a text, in characters.
const MAX_CHARS: usize = 4096;

/// Characters that are chosen first, the plainest first.
const PLAIN: &str = "a1A0 -_.";

/// Returns the plainest text that a pattern matches, or `None` if the pattern has what this library does not know, such as
/// a look behind. `least` is the number of characters that the text should have, where the pattern leaves that open.
pub(super) fn matching_text(pattern: &str, least: usize) -> Option<String> {
    let parsed = regex_syntax::ParserBuilder::new().unicode(true).build().parse(pattern).ok()?;
    let shortest = text_of(&parsed, OPTIONAL_REPETITIONS)?;
    let longer = || text_of(&parsed, u32::try_from(least).unwrap_or(u32::MAX));
    if shortest.chars().count() < least { longer() } else { Some(shortest) }
}

/// Returns a text whose open repetitions occur `wanted` times.
fn text_of(pattern: &Hir, wanted: u32) -> Option<String> {
    let mut text = String::new();
    append(pattern, wanted, &mut text)?;
    Some(text)
}

fn append(pattern: &Hir, wanted: u32, text: &mut String) -> Option<()> {
    match pattern.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.push_str(str::from_utf8(&literal.0).ok()?),
        HirKind::Class(class) => text.push(member(class)?),
        HirKind::Capture(capture) => append(&capture.sub, wanted, text)?,
        HirKind::Repetition(repetition) => {
            let most = repetition.max.unwrap_or(u32::MAX);
            for _ in 0..wanted.clamp(repetition.min, most.max(repetition.min)).min(MAX_REPETITIONS) {
                append(&repetition.sub, wanted, text)?;
            }
        }
        HirKind::Concat(parts) => parts.iter().try_for_each(|part| append(part, wanted, text))?,
        HirKind::Alternation(parts) => append(parts.first()?, wanted, text)?,
    }
    (text.len() <= MAX_CHARS).then_some(())
}

/// Returns the plainest character of a class.
fn member(class: &Class) -> Option<char> {
    match class {
        Class::Unicode(class) => {
            let has =
                |wanted: &char| class.iter().any(|range| range.start() <= *wanted && *wanted <= range.end());
            PLAIN.chars().find(has).or_else(|| class.iter().next().map(|range| range.start()))
        }
        Class::Bytes(class) => class.iter().next().map(|range| char::from(range.start())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plainest_text_is_found() {
        for (pattern, text) in [
            ("^[A-Z]{2}\\d{3}$", "AA111"),
            ("^(red|green)-\\w+$", "red-a"),
            ("^x?y*$", "xy"),
            ("^[^a]$", "1"),
        ] {
            assert_eq!(matching_text(pattern, 0).as_deref(), Some(text), "{pattern}");
        }
        assert_eq!(matching_text("^b+$", 4).as_deref(), Some("bbbb"));
        assert_eq!(matching_text("(?<=a)b", 0), None);
        assert_eq!(matching_text("(((a{999}){999}){999})", 0), None, "too long");
    }
}
