use proptest::collection::vec;
use proptest::prelude::*;

use super::marker::{FIRST_OPERATION, MARK};
use super::*;

/// Bytes in which markers, halves of markers, and escapes are frequent.
fn inputs() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        3 => Just(MARK),
        4 => FIRST_OPERATION - 1..=FIRST_OPERATION + 20,
        2 => any::<u8>(),
    ];
    vec(byte, 0..60)
}

fn step() -> impl Strategy<Value = Step> {
    let action = prop_oneof![
        4 => inputs().prop_map(Action::Send),
        1 => Just(Action::Open),
        1 => Just(Action::HalfClose),
        1 => Just(Action::Close),
        1 => Just(Action::Reset),
    ];
    (0..Connection::COUNT, action)
        .prop_map(|(number, action)| Step { connection: Connection::ALL[number], action })
}

fn sessions() -> impl Strategy<Value = Session> {
    vec(step(), 0..80).prop_map(|steps| steps.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn every_input_is_a_session(input in inputs()) {
        let session = Session::decode(&input);
        prop_assert!(session.steps().len() <= MAX_STEPS);
        let again: Session = session.steps().iter().cloned().collect();
        prop_assert_eq!(&again, &session, "every step is possible");
        prop_assert_eq!(Session::decode(&session.encode()), session);
    }

    #[test]
    fn an_encoded_session_decodes_to_itself(session in sessions()) {
        prop_assert_eq!(Session::decode(&session.encode()), session);
    }

    #[test]
    fn the_text_of_a_session_parses_to_itself(session in sessions()) {
        prop_assert_eq!(session.to_string().parse(), Ok(session));
    }

    #[test]
    fn every_fragment_has_bytes_and_only_the_last_of_a_chunk_ends_it(input in inputs()) {
        let mut unfinished = None;
        for Step { connection, action } in decode(&input) {
            match action {
                Action::Send(Fragment { bytes, more }) => {
                    prop_assert!(!bytes.is_empty());
                    prop_assert!(unfinished.is_none_or(|before| before == connection));
                    unfinished = more.then_some(connection);
                }
                _ => prop_assert_eq!(unfinished, None),
            }
        }
        prop_assert_eq!(unfinished, None);
    }

    #[test]
    fn an_input_without_markers_is_one_chunk(input in vec(0..MARK, 1..60)) {
        let steps: Vec<_> = decode(&input).collect();
        let whole = Action::Send(Fragment { bytes: &input, more: false });
        prop_assert_eq!(steps, [Step { connection: Connection(0), action: whole }]);
        prop_assert!(!has_marker(&input));
        prop_assert_eq!(Session::decode(&input).encode(), input);
    }

    #[test]
    fn an_input_with_several_steps_has_a_marker(input in inputs()) {
        let without: Vec<u8> = input.iter().copied().filter(|&byte| byte != MARK).collect();
        prop_assert!(!has_marker(&without));
        let steps = Session::decode(&input).into_steps();
        if steps.len() > 1 {
            prop_assert!(has_marker(&input));
        }
    }

    #[test]
    fn parsing_any_text_does_not_panic(text in ".{0,60}") {
        let _ = text.parse::<Session>();
    }
}

/// Session that the bytes decode to, as text.
fn shown(input: &[u8]) -> String {
    Session::decode(input).to_string()
}

#[test]
fn markers_encode_action_and_connection() {
    let input = b"a\xF5\x40b\xF5\x41c\xF5\x46\xF5\x4Ad\xF5\x4Ce\xF5\x50";
    assert_eq!(
        shown(input),
        "send 0 \"a\"\nsend 0 \"b\"\nsend 1 \"c\"\nopen 2\nhalf-close 2\nclose 0\nsend 0 \"e\"\nreset 0\n"
    );
}

#[test]
fn impossible_steps_are_omitted() {
    assert_eq!(shown(b"\xF5\x4C\xF5\x51\xF5\x49x"), "send 1 \"x\"\n");
    assert_eq!(shown(b"\xF5\x44\xF5\x44\xF5\x40\xF5\x40"), "open 0\n");
}

#[test]
fn other_uses_of_the_mark_are_data() {
    assert_eq!(shown(b"a\xF5\xF5\x40b\xF5z\xF5"), "send 0 \"a\\xf5@b\\xf5z\\xf5\"\n");
    assert!(!has_marker(b"a\xF5\xF5\x40b\xF5z\xF5"));
    assert!(has_marker(b"\xF5\xF5\xF5\x41"));
}

#[test]
fn bytes_after_the_last_step_are_ignored() {
    let input = b"\xF5\x41x\xF5\x40y".repeat(MAX_STEPS);
    assert_eq!(Session::decode(&input).steps().len(), MAX_STEPS);
    let endless = b"\xF5\x41x\xF5\xF5".repeat(MAX_STEPS);
    assert_eq!(
        Session::decode(&endless).steps().last().map(|step| &step.action),
        Some(&Action::Send(b"x\xF5".to_vec())),
        "the last chunk is complete"
    );
}

#[test]
fn a_text_has_steps_strings_and_comments() {
    let text = r#"
        # two connections
        send 0 "GET / HTTP/1.1\r\n"   # the request line
               "X: \x41\t\\\"\r\n"
        open 1
        send 1 "é"
        reset 0"#;
    let session: Session = text.parse().expect("a valid text");
    assert_eq!(
        session.to_string(),
        "send 0 \"GET / HTTP/1.1\\r\\n\"\n       \"X: A\\t\\\\\\\"\\r\\n\"\n\
         open 1\nsend 1 \"\\xc3\\xa9\"\nreset 0\n"
    );
}

#[test]
fn text_errors_name_line_and_reason() {
    let wrong = [
        ("sent 0 \"x\"", "line 1: \"sent\" is not a step"),
        ("open 1\nopen", "line 2: after open, the number of a connection is required"),
        ("open 4", "0 to 3"),
        ("open 1 2", "remove \"2\""),
        ("\"x\"", "must follow a send"),
        ("open 0\nopen 0", "line 2: connection 0 is open already"),
        ("close 2", "connection 2 is not open"),
        ("open 0\nhalf-close 0\nsend 0 \"x\"", "line 3: connection 0 is half-closed"),
        ("send 0", "a string is missing"),
        ("send 0 \"\"", "must not be empty"),
        ("send 0 \"x", "no closing quote"),
        ("send 0 \"\\q\"", "after a backslash"),
        ("send 0 \"\\x4é\"", "after a backslash"),
    ];
    for (text, expected) in wrong {
        let error = text.parse::<Session>().expect_err(text).to_string();
        assert!(error.contains(expected), "{text:?}: {error}");
    }
}
