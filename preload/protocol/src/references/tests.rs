use super::*;
use crate::session::Connection;

const CREATED: &str = "HTTP/1.1 201 Created\r\nLocation: http://a:8/items/7%20?x=1\r\nETag: \"e\"\r\n\
    Set-Cookie: a=b\r\nset-cookie: session=s3; Path=/\r\nContent-Length: 60\r\n\r\n\
    {\"user\": {\"id\": 4}, \"id\" : 12, \"list\":[{\"k\":true},\"t\\u00e9\\n\"]}";

/// Returns answers that came in one step each, on these connections.
fn answers(all: &[(usize, &str)]) -> EarlierAnswers {
    let mut answers = EarlierAnswers::new();
    for (number, answer) in all {
        answers.add(Connection::new(*number).expect("a number"), answer.as_bytes());
        answers.end_step();
    }
    answers
}

fn filled_with(answers: &EarlierAnswers, chunk: &str) -> String {
    let mut filled = Vec::new();
    fill(chunk.as_bytes(), answers, &mut filled);
    String::from_utf8(filled).expect("UTF-8")
}

fn filled(chunk: &str) -> String {
    filled_with(&answers(&[(0, CREATED)]), chunk)
}

#[test]
fn values_are_found_in_answers() {
    for (name, value) in [
        ("json.id", "12"),
        ("json.user.id", "4"),
        ("json.list.0.k", "true"),
        ("json.list.1", "té\n"),
        ("json.list.0", "{\"k\":true}"),
        ("json.k", "true"),
        ("header.etag", "\"e\""),
        ("cookie.session", "s3"),
        ("location", "/items/7%20?x=1"),
        ("location.id", "7%20"),
        ("status", "201"),
    ] {
        assert_eq!(filled(&format!("{{{{1.{name}}}}}")), value, "{name}");
    }
}

#[test]
fn what_cannot_be_resolved_is_sent_as_it_is() {
    for text in [
        "{{0.json.id}}",
        "{{2.json.id}}",
        "{{1.json.none}}",
        "{{1.header.none}}",
        "{{1.cookie.sess}}",
        "{{1.what}}",
        "{{1.json.id",
        "{{1.json.id}",
        "{{",
        "}}",
        "{{}}",
        "{{1}}",
        "{{1.json.i d}}",
        "{{1.json.list.9}}",
        "{{1.header}}",
        "{{99999999999999999999.json.id}}",
    ] {
        assert_eq!(filled(text), text);
    }
    assert_eq!(filled("{{{1.json.id}}}"), "{12}");
    assert_eq!(filled(&"{{1.status}}".repeat(17)), "201".repeat(16) + "{{1.status}}");
}

#[test]
fn values_are_encoded_as_their_place_needs_it() {
    let answer = "HTTP/1.1 200 OK\r\n\r\n{\"t\":\"a b/\\\"\\r\\n&\"}";
    let filled = |chunk: &str| filled_with(&answers(&[(0, answer), (0, CREATED)]), chunk);
    assert_eq!(
        filled("GET /{{1.json.t}}?{{2.location}} HTTP/1.1\r\nA: {{1.json.t}}\r\n\r\n"),
        "GET /a%20b/%22%0D%0A%26?/items/7%20?x=1 HTTP/1.1\r\nA: a b/\"&\r\n\r\n"
    );
    let post = |fields: &str, body: &str| {
        filled(&format!("POST / HTTP/1.1\r\n{fields}Content-Length: 999\r\n\r\n{body}"))
    };
    assert!(post("", "{\"a\":\"{{1.json.t}}\"}").ends_with("{\"a\":\"a b/\\\"\\u000d\\u000a&\"}"));
    assert!(post("", "{\"a\":{{2.json.user}}}").ends_with("{\"a\":{\"id\": 4}}"));
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    assert!(post(form, "t={{1.json.t}}&u=1").ends_with("t=a%20b/%22%0D%0A%26&u=1"));
}

#[test]
fn lengths_follow_the_values_and_keep_their_errors() {
    let post = |length: usize| {
        format!("POST / HTTP/1.1\r\nContent-Length: {length} \r\n\r\n{{\"id\":{{{{1.json.id}}}}}}")
    };
    for (before, after) in [(20, 9), (25, 14), (12, 12)] {
        let filled = filled(&post(before));
        assert!(filled.contains(&format!("Length: {after} \r\n")), "{filled}");
    }
    let two = format!("{}GET /{{{{1.json.id}}}} HTTP/1.1\r\n\r\n", post(20));
    assert!(filled(&two).ends_with("{\"id\":12}GET /12 HTTP/1.1\r\n\r\n"));
    let chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nd;x\r\n{{1.json.id}}\r\n1\r\na\r\n0\r\nT: {{1.status}}\r\n\r\n{{1.status}}";
    assert!(filled(chunked).ends_with("\r\n2;x\r\n12\r\n1\r\na\r\n0\r\nT: 201\r\n\r\n201"));
}

#[test]
fn answers_are_numbered_as_they_come() {
    let ok = |body: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{\"a\"\r\n3;x\r\n:3}\r\n0\r\nDate: x\r\n\r\n";
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n";
    let piped =
        ["HTTP/1.1 100 Continue\r\n\r\n", &ok("{\"a\":1}"), "HTTP/1.1 204 No\r\n\r\n", chunked].concat();
    let all = answers(&[
        (1, &piped),
        (0, head),
        (0, &ok("{\"a\":5}")),
        (0, ""),
        (2, "not HTTP {\"a\":6}"),
        (1, "}HTTP/1.1 404 N\r\n\r\n"),
    ]);
    let said = filled_with(
        &all,
        "{{1.json.a}} {{2.status}} {{3.json.a}} {{4.status}} {{5.json.a}} {{6.json.a}} {{7.status}}",
    );
    assert_eq!(said, "1 204 3 200 5 6 404");
}

#[test]
fn only_the_beginning_of_long_answers_is_kept() {
    let long = format!("HTTP/1.1 200 OK\r\n\r\n{{\"a\":1,\"b\":\"{}\",\"c\":2}}", "x".repeat(KEPT_BYTES));
    let mut answers = answers(&[(0, &long), (0, CREATED)]);
    assert_eq!(filled_with(&answers, "{{1.json.a}}{{1.json.c}}{{2.status}}"), "1{{1.json.c}}{{2.status}}");
    answers.clear();
    answers.add(Connection::ALL[0], CREATED.as_bytes());
    answers.end_step();
    assert_eq!(filled_with(&answers, "{{1.json.id}}"), "12");
}

#[test]
fn any_bytes_are_answers_and_chunks() {
    let pieces = [
        "{{1.json.a.0}}",
        "HTTP/1.1 ",
        "200",
        "\r\n",
        "\r\n\r\n",
        "{",
        "\"a\"",
        ":",
        "[",
        "]",
        "\\",
        "\\ud83d\\ude00",
        "\\ud8",
        "ff",
        "0",
        "transfer-encoding: chunked",
        "content-length: 5",
        ",",
        "GET / HTTP/1.1",
        "\u{fd}",
    ];
    let mut state = 1_u64;
    let mut text = || -> String {
        (0..40)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                pieces[(state >> 33) as usize % pieces.len()]
            })
            .collect()
    };
    for _ in 0..3000 {
        let (answer, chunk) = (text(), text());
        filled_with(&answers(&[(0, &format!("HTTP/1.1 200\r\n{answer}"))]), &chunk);
    }
}
