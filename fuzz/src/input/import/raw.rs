//! Raw requests: files that are inputs already.

use super::imported::{ImportOptions, ImportResult, ImportedInput};
use super::name;
use crate::input::corpus::Seed;

/// Takes the file as it is; with `crlf`, line ends of the head are repaired.
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

/// Bare line feeds become CRLF, as far as the first blank line: what follows is a body, which has a
/// length.
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
    fn line_ends_are_repaired_in_the_head_alone() {
        assert_eq!(with_crlf(b"A\nB: c\r\n\nx\ny"), b"A\r\nB: c\r\n\r\nx\ny");
    }
}
