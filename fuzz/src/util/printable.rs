//! Bytes and numbers as text for users: HTTP stays readable, other bytes are escaped, long data is cut.

use indicatif::HumanCount;

/// Returns the bytes as text: line ends remain line ends (with `\r\n` shown), and other unprintable bytes become
/// escapes. After `limit` bytes, only the number of the remaining ones is shown.
#[must_use]
pub fn printable(bytes: &[u8], limit: usize) -> String {
    let shown = &bytes[..bytes.len().min(limit)];
    let mut text = String::with_capacity(shown.len());
    for &byte in shown {
        match byte {
            b'\n' => text.push_str("\\n\n"),
            b'\\' => text.push_str("\\\\"),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => text.extend(byte.escape_ascii().map(char::from)),
        }
    }
    if bytes.len() > limit {
        let rest = bytes.len() - limit;
        text.push_str(&format!("\n… {rest} more bytes (--raw shows all)"));
    }
    text
}

/// Returns the first line without its line end, cut to `limit` bytes, for table cells and messages.
#[must_use]
pub fn one_line(bytes: &[u8], limit: usize) -> String {
    let end = bytes.iter().position(|&b| b == b'\n').unwrap_or(bytes.len());
    let line = bytes[..end].trim_ascii_end();
    let cut = &line[..line.len().min(limit)];
    let ellipsis = if cut.len() < line.len() { "…" } else { "" };
    format!("{}{ellipsis}", cut.escape_ascii())
}

/// Returns the last `count` lines of a log that are not empty.
#[must_use]
pub fn last_lines(log: &[u8], count: usize) -> Vec<String> {
    let text = String::from_utf8_lossy(log);
    let mut lines: Vec<_> = text
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
        .rev()
        .take(count)
        .map(str::to_owned)
        .collect();
    lines.reverse();
    lines
}

/// Returns a number with its noun in the singular or plural.
#[must_use]
pub fn counted(count: u64, one: &str, many: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        _ => format!("{} {many}", HumanCount(count)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_stays_readable_and_the_rest_is_escaped() {
        assert_eq!(printable(b"GET / HTTP/1.1\r\n\0\xff\\", 100), "GET / HTTP/1.1\\r\\n\n\\x00\\xff\\\\");
    }

    #[test]
    fn the_number_of_cut_bytes_is_shown() {
        assert_eq!(printable(b"abcdef", 2), "ab\n… 4 more bytes (--raw shows all)");
    }

    #[test]
    fn one_line_stops_at_the_line_end() {
        assert_eq!(one_line(b"HTTP/1.1 200 OK\r\nA: b", 80), "HTTP/1.1 200 OK");
        assert_eq!(one_line(b"HTTP/1.1 200 OK", 4), "HTTP…");
    }

    #[test]
    fn last_lines_skip_blanks() {
        assert_eq!(last_lines(b"a\n\nb\n\n", 1), ["b"]);
    }
}
