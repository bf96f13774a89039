//! Batch: a stream of several inputs, which one process answers in turn. Each input follows its length.

/// Bytes of a length.
const LENGTH: usize = size_of::<u64>();

/// Encodes inputs as a stream.
#[must_use]
pub fn encode<'a>(inputs: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut stream = Vec::new();
    for input in inputs {
        stream.extend_from_slice(&(input.len() as u64).to_le_bytes());
        stream.extend_from_slice(input);
    }
    stream
}

/// Returns the first input of a stream, and the number of bytes that it takes there, its length included; `None` at the
/// end of the stream. The last input may be truncated.
#[must_use]
pub fn first(stream: &[u8]) -> Option<(&[u8], usize)> {
    let (length, rest) = stream.split_first_chunk::<LENGTH>()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX).min(rest.len());
    Some((&rest[..length], LENGTH + length))
}

/// Returns all inputs of a stream.
pub fn inputs(mut stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (input, taken) = first(stream)?;
        stream = &stream[taken..];
        Some(input)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(stream: &[u8]) -> Vec<&[u8]> {
        inputs(stream).collect()
    }

    #[test]
    fn inputs_come_back_in_order() {
        let inputs = [&b"one"[..], b"", b"three"];
        assert_eq!(decode(&encode(inputs)), inputs);
        assert_eq!(decode(b""), [b""; 0]);
    }

    #[test]
    fn a_stream_may_end_anywhere() {
        let stream = encode([&b"one"[..], b"two"]);
        let left = [0, LENGTH - 1, LENGTH, LENGTH + 2, LENGTH + 3, LENGTH + 5, 2 * LENGTH + 4];
        let found = left.map(|length| decode(&stream[..length]).concat());
        assert_eq!(found, [&b""[..], b"", b"", b"on", b"one", b"one", b"onet"]);
    }
}
