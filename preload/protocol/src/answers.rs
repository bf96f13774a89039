//! Stream of answers on several connections. Each piece is written as soon as it arrives, because buffered answers
//! would be lost when the server dies. Its header names the connection, and the reader of the stream sorts the pieces.

use crate::session::Connection;

/// Bytes of the header of a piece: its connection, and its length.
const HEADER: usize = 1 + size_of::<u64>();

/// Returns the header of a piece of `length` bytes.
#[must_use]
pub fn header(connection: Connection, length: usize) -> [u8; HEADER] {
    let mut header = [connection.index() as u8; HEADER];
    header[1..].copy_from_slice(&(length as u64).to_le_bytes());
    header
}

/// Value in place of the connection, in the header after the last piece of an input's answers.
const END_OF_INPUT: u8 = u8::MAX;

/// Returns the header that ends the answers to one input of a batch.
#[must_use]
pub fn end_of_input() -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[0] = END_OF_INPUT;
    header
}

/// Splits a stream into the answers to each input of a batch. Omits an input whose answers are not complete.
#[must_use]
pub fn split(stream: &[u8]) -> Vec<[Vec<u8>; Connection::COUNT]> {
    let mut answers = Vec::new();
    let (mut begin, mut position) = (0, 0);
    while let Some((&[connection, ref length @ ..], _)) = stream[position..].split_first_chunk::<HEADER>() {
        let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
        if connection == END_OF_INPUT {
            answers.push(sort(&stream[begin..position]));
            begin = position + HEADER;
        }
        position = position.saturating_add(HEADER).saturating_add(length).min(stream.len());
    }
    answers
}

/// Sorts a stream by connection. The last piece may be truncated. Data that is not a piece (another program has written
/// to the stream) counts as an answer on the first connection.
#[must_use]
pub fn sort(mut stream: &[u8]) -> [Vec<u8>; Connection::COUNT] {
    let mut answers = [const { Vec::new() }; Connection::COUNT];
    while let Some((&[connection, ref length @ ..], rest)) = stream.split_first_chunk::<HEADER>() {
        let Some(answer) = answers.get_mut(usize::from(connection)) else { break };
        let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let (piece, rest) = rest.split_at(length.min(rest.len()));
        answer.extend_from_slice(piece);
        stream = rest;
    }
    if stream.len() >= HEADER {
        answers[0].extend_from_slice(stream);
    }
    answers
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a stream of pieces.
    fn stream(pieces: &[(usize, &[u8])]) -> Vec<u8> {
        let piece = |&(number, bytes): &(usize, &[u8])| {
            let connection = Connection::new(number).expect("a valid number");
            [&header(connection, bytes.len())[..], bytes].concat()
        };
        pieces.iter().flat_map(piece).collect()
    }

    #[test]
    fn pieces_are_sorted_by_connection() {
        let stream = stream(&[(0, b"a"), (3, b"b"), (0, b"c"), (1, b"")]);
        assert_eq!(sort(&stream), [&b"ac"[..], b"", b"", b"b"]);
    }

    #[test]
    fn a_stream_may_end_anywhere() {
        let stream = stream(&[(0, b"abc"), (1, b"de")]);
        let lengths = [0, 1, HEADER, HEADER + 2, HEADER + 3, 2 * HEADER, 2 * HEADER + 4, 2 * HEADER + 5];
        let answered = lengths.map(|length| sort(&stream[..length]).concat());
        assert_eq!(answered, [&b""[..], b"", b"", b"ab", b"abc", b"abc", b"abcd", b"abcde"]);
    }

    #[test]
    fn a_batch_is_split_where_its_inputs_end() {
        let first = stream(&[(0, b"a"), (3, b"b")]);
        let last = stream(&[(1, b"not complete")]);
        let batch = [&first[..], &end_of_input(), &end_of_input(), &last].concat();
        let answers = split(&batch);
        assert_eq!(answers.len(), 2);
        assert_eq!(answers[0], [&b"a"[..], b"", b"", b"b"]);
        assert_eq!(answers[1], [b""; Connection::COUNT]);
    }

    #[test]
    fn data_that_is_not_a_piece_is_kept() {
        let stream = [&stream(&[(1, b"a")])[..], b"from elsewhere"].concat();
        assert_eq!(sort(&stream), [&b"from elsewhere"[..], b"a", b"", b""]);
    }
}
