//! Cutting lines out of a growing buffer.

use super::HttpError;

/// Takes one line off `input`; `None` when its end has not arrived yet.
///
/// A line ends in LF; one CR before it belongs to the end. So a bare LF counts as a line end too,
/// which RFC 9112, section 2.2, allows a recipient. A CR anywhere else stays in the line for
/// the caller to refuse.
///
/// # Errors
/// `too_long`, when more than `limit` bytes come before the LF.
pub(super) fn take_line<'a>(
    input: &mut &'a [u8],
    limit: usize,
    too_long: HttpError,
) -> Result<Option<&'a [u8]>, HttpError> {
    let searched = &input[..input.len().min(limit + 1)];
    let Some(end) = searched.iter().position(|&byte| byte == b'\n') else {
        return if searched.len() > limit { Err(too_long) } else { Ok(None) };
    };
    let line = &input[..end];
    *input = &input[end + 1..];
    Ok(Some(line.strip_suffix(b"\r").unwrap_or(line)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: HttpError = HttpError::new(414, "long");

    #[test]
    fn crlf_and_bare_lf_both_end_a_line() {
        let mut input = &b"one\r\ntwo\n\r\nrest"[..];
        for line in [&b"one"[..], b"two", b""] {
            assert_eq!(take_line(&mut input, 10, LONG), Ok(Some(line)));
        }
        assert_eq!(take_line(&mut input, 10, LONG), Ok(None));
        assert_eq!(input, b"rest");
    }

    #[test]
    fn the_limit_does_not_depend_on_how_much_has_arrived() {
        for input in ["12345", "12345\n", "1234\r\n"] {
            assert_eq!(take_line(&mut input.as_bytes(), 4, LONG), Err(LONG));
        }
        assert_eq!(take_line(&mut &b"1234"[..], 4, LONG), Ok(None));
        assert_eq!(take_line(&mut &b"1234\n"[..], 4, LONG), Ok(Some(&b"1234"[..])));
    }
}
