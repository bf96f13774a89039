//! Command lines as text, quoted for a shell.

use std::ffi::OsStr;

/// Quotes the words so that a shell splits the line into the same words.
pub fn shell_quoted<'a>(words: impl IntoIterator<Item = &'a OsStr>) -> String {
    let words: Vec<_> = words.into_iter().map(OsStr::to_string_lossy).collect();
    shell_words::join(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_line_splits_into_the_same_words() {
        let words = ["/bin/a b", "it's", "$HOME", "daemon off;", ""];
        let line = shell_quoted(words.iter().map(OsStr::new));
        assert_eq!(shell_words::split(&line).expect("valid"), words);
    }
}
