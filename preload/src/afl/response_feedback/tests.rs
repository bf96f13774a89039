//! Tests of the traits of answers.

use super::*;

fn traits_of(pieces: &[&[u8]]) -> Vec<ResponseTrait> {
    let (mut answers, mut traits) = (ResponseParser::new(), Vec::new());
    pieces.iter().for_each(|piece| answers.read(piece, |found| traits.push(found)));
    answers.end(|found| traits.push(found));
    traits
}

fn codes(bytes: &[u8]) -> Vec<u16> {
    let code = |found| match found {
        ResponseTrait::Status { code, .. } => Some(code),
        _ => None,
    };
    traits_of(&[bytes]).into_iter().filter_map(code).collect()
}

fn header(name: &str) -> ResponseTrait {
    ResponseTrait::Header(hash(name.bytes()))
}

const THREE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n\
    HTTP/1.1 200 OK\r\nServer: a\r\nContent-Length: 9\r\n\r\nHTTP/1\r\n\n\
    HTTP/1.1 404 Not Found\r\nTRANSFER-Encoding: chunked\r\n\r\n\
    1a;x=y\r\nHTTP-1.1 777 in the body\r\n\r\n0\r\nExpires: 0\r\n\r\n";

#[test]
fn traits_are_status_codes_field_names_and_sizes() {
    let expected = [
        ResponseTrait::Status { before: 0, code: 100 },
        ResponseTrait::Status { before: 100, code: 200 },
        header("server"),
        header("content-length"),
        ResponseTrait::Status { before: 200, code: 404 },
        header("transfer-encoding"),
        header("expires"),
        ResponseTrait::Answers(2),
        ResponseTrait::Length(8),
        ResponseTrait::Closed(false),
    ];
    assert_eq!(traits_of(&[THREE]), expected);
}

#[test]
fn splitting_an_answer_does_not_change_its_traits() {
    for cut in 0..THREE.len() {
        assert_eq!(traits_of(&[&THREE[..cut], &THREE[cut..]]), traits_of(&[THREE]), "{cut}");
    }
    assert_eq!(traits_of(&THREE.chunks(1).collect::<Vec<_>>()), traits_of(&[THREE]));
}

#[test]
fn bodies_do_not_count() {
    let with =
        |body: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n{body:40}HTTP/1.1 400 B\r\n\r\n");
    let (one, other) = (with("hello\r\nHTTP/1.1 500 no\r\nA: b\r\n\r\n"), with(""));
    assert_eq!(traits_of(&[one.as_bytes()]), traits_of(&[other.as_bytes()]));
    assert_eq!(codes(one.as_bytes()), [200, 400]);
}

#[test]
fn a_body_may_last_to_the_end_of_the_connection() {
    assert_eq!(codes(b"HTTP/1.0 200 OK\r\n\r\nhello\nHTTP/1.1 500 no\r\n\r\n"), [200]);
}

#[test]
fn an_answer_to_head_has_no_body() {
    for head in ["Content-Length: 1000", "Transfer-Encoding: chunked", "Server: a"] {
        let both = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\nHTTP/1.1 304 Not Modified\r\nETag: a\r\n\r\n");
        assert_eq!(codes(both.as_bytes()), [200, 304], "{head}");
    }
}

#[test]
fn data_other_than_http_is_one_trait() {
    assert_eq!(traits_of(&[b"<h1>hello</h1>\nSome: thing\n"])[0], ResponseTrait::Foreign);
    assert_eq!(traits_of(&[b""])[0], ResponseTrait::Answers(0));
}

#[test]
fn any_bytes_have_the_same_traits_in_pieces() {
    let words: [&[u8]; 10] = [
        b"HTTP/1.1 200 OK",
        b"\r\n",
        b"\n",
        b"Content-Length: ",
        b"99999999999999999999",
        b"5",
        b"Transfer-Encoding: chunked",
        b"ffffffffffffffff",
        b"HTTP/1.",
        b"\0\xff: ",
    ];
    let mut state = 1_u32;
    for _ in 0..2000 {
        let bytes: Vec<u8> = (0..20)
            .flat_map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                words[(state >> 16) as usize % words.len()].to_vec()
            })
            .collect();
        let (one, many) = (traits_of(&[&bytes]), traits_of(&bytes.chunks(3).collect::<Vec<_>>()));
        assert_eq!(one, many, "{}", bytes.escape_ascii());
    }
}

#[test]
fn a_close_by_the_server_is_a_trait() {
    let mut answers = ResponseParser::new();
    answers.close();
    let mut closed = false;
    answers.end(|found| closed |= found == ResponseTrait::Closed(true));
    assert!(closed);
}
