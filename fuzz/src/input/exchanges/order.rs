//! Order of what a client sends and what a server answers on one connection.

use sockfuzz_model::{Item, Pipeline, Visit};

use super::answer_http1;

/// Returns how many bytes of the answer belong to each of the chunks that a client sent one after the other, each when the server was
/// idle: an answer of HTTP/1 to the chunk in which its request ends, everything else to the last chunk.
#[must_use]
pub fn answered_by_chunk(chunks: &[&[u8]], answer: &[u8]) -> Vec<usize> {
    let sent = chunks.concat();
    let mut lengths = vec![0; chunks.len()];
    let (mut sent_before, mut chunk, mut rest) = (0, 0, answer);
    for item in &Pipeline::parse(&sent).items {
        let Item::Request(request) = item else { break };
        sent_before += request.serialise().len();
        while chunk + 1 < chunks.len()
            && chunks[..=chunk].iter().map(|it| it.len()).sum::<usize>() < sent_before
        {
            chunk += 1;
        }
        let before = rest.len();
        let complete = answer_http1::take(&mut rest, &request.line.method);
        if complete.is_none() {
            break;
        }
        lengths[chunk] += before - rest.len();
    }
    let told: usize = lengths.iter().sum();
    if let Some(last) = lengths.last_mut() {
        *last += answer.len() - told;
    }
    lengths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_belong_to_the_chunks_in_which_their_requests_end() {
        let chunks: [&[u8]; 4] =
            [b"GET /a HTTP/1.1\r\n\r\nGET /b HT", b"TP/1.1\r\n", b"\r\n", b"GET /c HTTP/1.1\r\n\r\n"];
        let answers = ["one", "two!", "three"].map(|body| {
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
        });
        let lengths = answers.each_ref().map(Vec::len);
        let expected = [lengths[0], 0, lengths[1], lengths[2]];
        assert_eq!(answered_by_chunk(&chunks, &answers.concat()), expected);
    }

    #[test]
    fn what_is_no_answer_comes_last() {
        assert_eq!(answered_by_chunk(&[b"\x16\x03\x01", b"\0\x01x"], b"\x15\x03\x03\0\x02\x02\x28"), [0, 7]);
        assert_eq!(answered_by_chunk(&[b"GET / HTTP/1.1\r\n\r\n", b"x"], b"garbage"), [0, 7]);
        assert_eq!(answered_by_chunk(&[], b"hello"), <[usize; 0]>::default());
    }
}
