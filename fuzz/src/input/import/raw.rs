//! Raw requests: files whose content is an input already.

use super::imported::{ImportOptions, ImportResult, ImportedInput};
use super::name;
use crate::input::corpus::Seed;

/// Imports the file unchanged, or, with `crlf`, with repaired line ends in its head.
pub(super) fn read(file: &Seed, options: ImportOptions) -> ImportResult {
    if file.bytes.is_empty() {
        return ImportResult { skipped: vec!["it is empty".to_owned()], ..ImportResult::default() };
    }
    let bytes = if options.crlf { with_crlf(&file.bytes) } else { file.bytes.clone() };
    let stem = file.path.file_stem().unwrap_or_default().as_encoded_bytes();
    let name = match name::plain(stem) {
        name if name.is_empty() => name::of_bytes(&bytes),
        name => name,
    };
    ImportResult {
        inputs: vec![ImportedInput { name, bytes, made_from: "raw request".to_owned() }],
        ..ImportResult::default()
    }
}

/// Replaces bare line feeds by CRLF up to the first blank line. The body after it stays unchanged, because the
/// head may declare its length.
fn with_crlf(bytes: &[u8]) -> Vec<u8> {
    let mut repaired = Vec::with_capacity(bytes.len() + 32);
    let mut rest = bytes;
    while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
        let (line, after) = rest.split_at(end + 1);
        let line = line[..end].strip_suffix(b"\r").unwrap_or(&line[..end]);
        repaired.extend_from_slice(line);
        repaired.extend_from_slice(b"\r\n");
        rest = after;
        if line.is_empty() {
            break;
        }
    }
    repaired.extend_from_slice(rest);
    repaired
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_line_ends_of_the_head_are_repaired() {
        assert_eq!(with_crlf(b"A\nB: c\r\n\nx\ny"), b"A\r\nB: c\r\n\r\nx\ny");
    }
}
