//! Division of a growing buffer into lines.

use super::HttpError;

/// Removes one line from the front of `input`; `None` if its end has not arrived yet.
///
/// A line ends with CRLF or with a bare LF, which RFC 9112, section 2.2, permits a recipient to accept.
/// Any other CR stays in the line, where the caller refuses it.
///
/// # Errors
/// Returns `too_long` if more than `limit` bytes come before the LF.
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
    fn limit_does_not_depend_on_packet_boundaries() {
        for input in ["12345", "12345\n", "1234\r\n"] {
            assert_eq!(take_line(&mut input.as_bytes(), 4, LONG), Err(LONG));
        }
        assert_eq!(take_line(&mut &b"1234"[..], 4, LONG), Ok(None));
        assert_eq!(take_line(&mut &b"1234\n"[..], 4, LONG), Ok(Some(&b"1234"[..])));
    }
}
