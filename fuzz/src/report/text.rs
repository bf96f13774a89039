//! Text of a report. Findings, file names and the server's output hold hostile bytes: nothing in them may control a
//! terminal, change the direction of text, or hide.

use std::borrow::Cow;
use std::time::Duration;

use crate::util::percent::percent_encoded;

/// Bytes of a path, apart from letters and digits, that stay as they are in a URI.
const URI_BYTES: &[u8] = b"/-_.~,+=";

/// Returns the bytes as text. Line ends and tabs remain; other control characters, characters that are invisible or
/// change the direction of text, and bytes that are not UTF-8 are escaped.
#[must_use]
pub fn visible(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            push_visible(&mut text, character);
        }
        text.extend(chunk.invalid().escape_ascii().map(char::from));
    }
    text
}

/// Returns the text with the escapes of [`visible`].
#[must_use]
pub fn visible_text(text: &str) -> Cow<'_, str> {
    if text.chars().any(is_hidden) { visible(text.as_bytes()).into() } else { text.into() }
}

/// Returns the first bytes as text like [`visible`], with a line that says how many are left out.
#[must_use]
pub fn visible_start(bytes: &[u8], limit: usize) -> String {
    let mut text = visible(&bytes[..bytes.len().min(limit)]);
    if bytes.len() > limit {
        text.push_str(&format!("\n… {} more bytes", bytes.len() - limit));
    }
    text
}

fn push_visible(text: &mut String, character: char) {
    match character {
        '\r' => text.push_str("\\r"),
        '\0'..='\x7f' if is_hidden(character) => text.push_str(&format!("\\x{:02x}", u32::from(character))),
        _ if is_hidden(character) => text.extend(character.escape_unicode()),
        _ => text.push(character),
    }
}

/// Whether a character is escaped.
fn is_hidden(character: char) -> bool {
    match character {
        '\n' | '\t' => false,
        // Soft hyphen; marks, embeddings, overrides and isolates of bidirectional text; separators; invisible
        // operators; byte order mark; annotations; tags.
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}' => true,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => true,
        '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}' => true,
        _ => character.is_control(),
    }
}

/// Returns a path as a part of a URI. A colon is encoded, too: it would end a scheme.
#[must_use]
pub fn uri_path(path: &str) -> String {
    percent_encoded(path, URI_BYTES)
}

/// Returns a time with its unit, as precise as is useful.
#[must_use]
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 => format!("{} ms", time.as_millis()),
        1..60 => format!("{:.1} s", time.as_millis() as f64 / 1000.0),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min {:02} s", seconds / 3600, seconds / 60 % 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_escapes_and_invalid_bytes_are_escaped() {
        assert_eq!(visible(b"a\x1b[31mb\xff\xfe\r\n\tc\0\x7f"), "a\\x1b[31mb\\xff\\xfe\\r\n\tc\\x00\\x7f");
        assert_eq!(visible("é\u{9b}\u{202e}\u{feff}".as_bytes()), "é\\u{9b}\\u{202e}\\u{feff}");
    }

    #[test]
    fn harmless_text_is_not_copied() {
        assert!(matches!(visible_text("GET / <b>\n"), Cow::Borrowed(_)));
        assert_eq!(visible_text("\x07"), "\\x07");
    }

    #[test]
    fn the_number_of_bytes_left_out_is_shown() {
        assert_eq!(visible_start(b"abcd", 4), "abcd");
        assert_eq!(visible_start(b"abcd", 3), "abc\n… 1 more bytes");
    }

    #[test]
    fn paths_are_no_schemes_in_a_uri() {
        assert_eq!(uri_path("a/id:1,sig:06"), "a/id%3A1,sig%3A06");
        assert_eq!(uri_path("javascript:alert(1)"), "javascript%3Aalert%281%29");
        assert_eq!(uri_path("\"é"), "%22%C3%A9");
    }

    #[test]
    fn times_have_units() {
        let shown = |ms| duration(Duration::from_millis(ms));
        assert_eq!([shown(267), shown(12_345), shown(61_000)], ["267 ms", "12.3 s", "1 min 01 s"]);
        assert_eq!(shown(3_661_000), "1 h 01 min 01 s");
    }
}
