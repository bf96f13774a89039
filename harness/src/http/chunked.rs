//! The chunked transfer coding (RFC 9112, section 7.1).

use super::head::fields;
use super::line::take_line;
use super::syntax::trim_ows;
use super::{Headers, HttpError};

/// Maximum length of a chunk-size line with its extensions, in bytes without the LF.
const MAX_SIZE_LINE: usize = 1024;

const SIZE_LINE_TOO_LONG: HttpError = HttpError::bad_request("chunk-size line too long");

/// Incremental decoder of one chunked body.
#[derive(Debug, Default)]
pub struct ChunkedDecoder {
    state: ChunkedState,
}

/// Element of the coding that comes next.
#[derive(Debug, Default)]
enum ChunkedState {
    #[default]
    Size,
    Data {
        remaining: u64,
    },
    DataEnd,
    Trailers,
}

impl ChunkedDecoder {
    /// Consumes input: appends data to `body`, which may grow to `limit` bytes, and trailers to `trailers`.
    /// Returns true at the end of the trailer section, which follows the last chunk.
    ///
    /// # Errors
    /// 400 for a malformed coding, 413 for a body over the limit, 431 for oversized trailers.
    pub fn decode(
        &mut self,
        input: &mut &[u8],
        body: &mut Vec<u8>,
        limit: usize,
        trailers: &mut Headers,
    ) -> Result<bool, HttpError> {
        loop {
            match &mut self.state {
                ChunkedState::Size => {
                    let Some(line) = take_line(input, MAX_SIZE_LINE, SIZE_LINE_TOO_LONG)? else {
                        return Ok(false);
                    };
                    let remaining = chunk_size(line)?;
                    if remaining > (limit - body.len()) as u64 {
                        return Err(HttpError::new(413, "body too large"));
                    }
                    self.state = match remaining {
                        0 => ChunkedState::Trailers,
                        _ => ChunkedState::Data { remaining },
                    };
                }
                ChunkedState::Data { remaining } => {
                    take_body(input, body, remaining);
                    if *remaining > 0 {
                        return Ok(false);
                    }
                    self.state = ChunkedState::DataEnd;
                }
                ChunkedState::DataEnd => match take_line(input, 1, MISSING_END)? {
                    Some([]) => self.state = ChunkedState::Size,
                    Some(_) => return Err(MISSING_END),
                    None => return Ok(false),
                },
                ChunkedState::Trailers => return fields(input, trailers),
            }
        }
    }
}

const MISSING_END: HttpError = HttpError::bad_request("chunk longer than its size");

/// Moves up to `remaining` bytes from `input` to `body` and subtracts their number from `remaining`.
pub(super) fn take_body(input: &mut &[u8], body: &mut Vec<u8>, remaining: &mut u64) {
    let count = usize::try_from(*remaining).map_or(input.len(), |count| count.min(input.len()));
    body.extend_from_slice(&input[..count]);
    *input = &input[count..];
    *remaining -= count as u64;
}

/// Parses the size on a chunk-size line. Ignores extensions.
fn chunk_size(line: &[u8]) -> Result<u64, HttpError> {
    const INVALID: HttpError = HttpError::bad_request("malformed chunk size");
    let digits = line.split(|&byte| byte == b';').next().unwrap_or(line);
    let digits = trim_ows(digits);
    if digits.is_empty() || line.contains(&b'\r') {
        return Err(INVALID);
    }
    digits.iter().try_fold(0u64, |size, &byte| {
        let digit = char::from(byte).to_digit(16).ok_or(INVALID)?;
        let size = size.checked_mul(16).ok_or(INVALID)?;
        Ok(size + u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    type Decoded = (Vec<u8>, Headers, usize);

    /// Returns body, trailers and the number of unread bytes of `pieces`, fed one after the other.
    fn decode(pieces: &[&[u8]]) -> Result<Option<Decoded>, HttpError> {
        let (mut decoder, mut input) = (ChunkedDecoder::default(), Vec::new());
        let (mut body, mut trailers) = (Vec::new(), Headers::default());
        for piece in pieces {
            input.extend_from_slice(piece);
            let mut rest = &input[..];
            if decoder.decode(&mut rest, &mut body, 100, &mut trailers)? {
                return Ok(Some((body, trailers, rest.len())));
            }
            input = rest.to_vec();
        }
        Ok(None)
    }

    #[test]
    fn any_split_gives_the_same_body() {
        let text = b"5;name=\"v\"\r\nhello\r\n0A \n0123456789\n0\r\nX: 1\r\n\r\n";
        let (body, trailers, unread) = decode(&[text]).unwrap().unwrap();
        assert_eq!(body, b"hello0123456789");
        assert_eq!(trailers.first("x"), Some(&b"1"[..]));
        assert_eq!(unread, 0);
        for split in 1..text.len() {
            let halves = decode(&[&text[..split], &text[split..]]).unwrap();
            assert_eq!(halves, Some((body.clone(), trailers.clone(), 0)), "{split}");
        }
    }

    #[test]
    fn bytes_after_the_body_are_not_consumed() {
        assert_eq!(decode(&[b"0\r\n\r\nGET"]).unwrap().unwrap().2, 3);
        assert_eq!(decode(&[b"3\r\nab"]).unwrap(), None);
    }

    #[test]
    fn malformed_codings_are_refused() {
        for text in [
            "\r\n",
            "g\r\n",
            "-1\r\n",
            "0x1\r\n",
            "1 1\r\n",
            "10000000000000000\r\n",
            "3\r\nabcd\r\n",
            "3\r\nabc\rx",
            "0\r\n folded: 1\r\n\r\n",
        ] {
            let error = decode(&[text.as_bytes()]).expect_err(text);
            assert_eq!(error.status, 400, "{text:?}");
        }
        assert_eq!(decode(&[b"65\r\n"]).unwrap_err().status, 413);
    }
}
