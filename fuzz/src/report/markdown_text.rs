//! Elements of Markdown. What comes from inputs is code, or has its special characters escaped.

use std::fmt::Write;

use tabled::builder::Builder;
use tabled::settings::Style;

/// Adds a table.
pub(super) fn table(text: &mut String, head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
    let mut table = Builder::new();
    table.push_record(head.iter().copied());
    rows.into_iter().for_each(|row| table.push_record(row));
    let _ = writeln!(text, "{}\n", table.build().with(Style::markdown()));
}

/// Adds text in a block, whose fence is longer than any in the text.
pub(super) fn block(title: &str, content: &str, text: &mut String) {
    if !content.is_empty() {
        let fence = "`".repeat(longest_fence(content).max(2) + 1);
        let _ = writeln!(text, "\n{title}:\n\n{fence}text\n{}\n{fence}", content.trim_end_matches('\n'));
    }
}

/// Returns text as code in a line, also within a table.
pub(super) fn code(text: &str) -> String {
    let fence = "`".repeat(longest_fence(text) + 1);
    let space = if text.starts_with('`') || text.ends_with('`') || text.is_empty() { " " } else { "" };
    format!("{fence}{space}{}{space}{fence}", text.replace('\n', " ").replace('|', "\\|"))
}

fn longest_fence(text: &str) -> usize {
    text.split(|character| character != '`').map(str::len).max().unwrap_or(0)
}

/// Escapes what Markdown or HTML would interpret.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => escaped.push(' '),
            '<' => escaped.push_str("&lt;"),
            '&' => escaped.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' => escaped.extend(['\\', character]),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_markup() {
        assert_eq!(escaped("<img>|[a](b)\n`c`"), "&lt;img>\\|\\[a\\](b) \\`c\\`");
        assert_eq!(code("a`b|c"), "``a`b\\|c``");
        assert_eq!(code("`"), "`` ` ``");
    }

    #[test]
    fn a_block_cannot_be_left() {
        let mut text = String::new();
        block("Session", "a\n````\n<script>", &mut text);
        assert!(text.contains("\n`````text\na\n````\n<script>\n`````\n"), "{text}");
    }
}
