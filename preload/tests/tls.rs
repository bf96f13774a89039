//! Single runs against a server that speaks TLS. Inputs and answers are plaintext.

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use common::{Target, build, contains, describe, preload, run, transports};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use sockfuzz_protocol::session::Session;
use tempfile::NamedTempFile;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
const SESSION: (&str, &str) = ("SOCKFUZZ_INPUT", "session");

/// Returns the path of the server, built on first use.
fn tls_server() -> &'static Path {
    static SERVER: OnceLock<PathBuf> = OnceLock::new();
    SERVER.get_or_init(|| build(&["--example", "tls_blocking"]).join("examples/tls_blocking"))
}

/// Runs the server once with `input` on stdin.
fn serve(arguments: &[&str], input: &[u8], options: &[(&str, &str)]) -> Output {
    let mut command = Command::new(tls_server());
    command.args(arguments).env("LD_PRELOAD", preload()).envs(options.iter().copied());
    run(command, input)
}

/// Plays an encoded session, and returns the number of packets of its last connection.
fn packets(input: &[u8], options: &[(&str, &str)]) -> (usize, Output) {
    let file = NamedTempFile::new().expect("a temporary file");
    let log = ("TARGET_LOG", text(file.path()));
    let output = serve(&["1.2", "packets"], input, &[options, &[SESSION, log]].concat());
    assert!(output.status.success(), "{options:?}: {}", describe(&output));
    let log = std::fs::read_to_string(file.path()).expect("the log");
    let last = log.lines().last().and_then(|count| count.parse().ok());
    (last.unwrap_or_else(|| panic!("{log}")), output)
}

/// Plays a session over every transport. Returns what the server has logged, which is the same over all of them.
fn logged(session: &str, same_over_tcp: bool) -> String {
    let input = session.parse::<Session>().expect("a valid session").encode();
    let logs: Vec<_> = transports()
        .into_iter()
        .filter(|[transport]| same_over_tcp || transport.1 != "tcp")
        .map(|[transport]| {
            let file = NamedTempFile::new().expect("a temporary file");
            let output = serve(&["1.2"], &input, &[transport, SESSION, ("TARGET_LOG", text(file.path()))]);
            assert!(output.status.success(), "{transport:?}: {}", describe(&output));
            std::fs::read_to_string(file.path()).expect("the log")
        })
        .collect();
    assert!(logs.iter().all(|log| *log == logs[0]), "{logs:?}");
    logs[0].clone()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// Asserts that the server's answer over every transport ends with `expected`.
fn answers(arguments: &[&str], input: &[u8], options: &[(&str, &str)], expected: &str) {
    for [transport] in transports() {
        let options: Vec<_> = options.iter().copied().chain([transport]).collect();
        let output = serve(arguments, input, &options);
        assert!(output.status.success(), "{transport:?}: {}", describe(&output));
        let answer = String::from_utf8_lossy(&output.stdout);
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{transport:?}: {}", describe(&output));
        assert!(answer.ends_with(expected), "{transport:?}: {}", describe(&output));
    }
}

#[test]
fn a_tls_server_is_recognised_and_its_session_resumed() {
    answers(&[], REQUEST, &[], "\r\n\r\n35 bytes, TLSv1_2, Resumed, http/1.1, for localhost, 0 certificates");
}

#[test]
fn tls13_is_spoken_with_a_server_that_refuses_tls12() {
    answers(
        &["1.3"],
        REQUEST,
        &[],
        "\r\n\r\n35 bytes, TLSv1_3, Full, http/1.1, for localhost, 0 certificates",
    );
}

#[test]
fn http2_is_chosen_by_the_preface() {
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    answers(&[], preface, &[], "\r\n\r\n24 bytes, TLSv1_2, Resumed, h2, for localhost, 0 certificates");
}

#[test]
fn the_client_asks_for_the_name_that_is_given() {
    let name = ("SOCKFUZZ_SNI", "example.com");
    answers(&[], REQUEST, &[name], "Resumed, http/1.1, for example.com, 0 certificates");
}

#[test]
fn the_client_shows_its_certificate() {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["client".to_owned()]).expect("the name is valid");
    let file = NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), cert.pem() + &signing_key.serialize_pem()).expect("the file is written");
    let given = ("SOCKFUZZ_CLIENT_CERTIFICATE", text(file.path()));
    for (version, name) in [("1.2", "TLSv1_2, Resumed"), ("1.3", "TLSv1_3, Full")] {
        let expected = format!("{name}, http/1.1, for localhost, 1 certificates");
        answers(&[version, "ask"], REQUEST, &[given], &expected);
    }
}

#[test]
fn a_handshake_that_the_server_refuses_says_what_to_do() {
    let output = serve(&["both", "ask"], REQUEST, &[]);
    assert!(!output.status.success(), "{}", describe(&output));
    assert!(contains(&output.stderr, "--client-certificate FILE"), "{}", describe(&output));
}

#[test]
fn a_wrong_file_of_the_certificate_is_named() {
    let file = NamedTempFile::new().expect("a temporary file");
    let path = text(file.path());
    for (given, fault) in [(path, "holds no certificate"), ("/nowhere", "cannot be read from /nowhere")] {
        let output = serve(&[], REQUEST, &[("SOCKFUZZ_CLIENT_CERTIFICATE", given)]);
        assert!(!output.status.success(), "{}", describe(&output));
        assert!(contains(&output.stderr, fault), "{}", describe(&output));
    }
}

#[test]
fn inputs_below_tls_reach_the_server_as_they_are() {
    for tls in ["off", "raw"] {
        let output = serve(&["1.2"], REQUEST, &[("SOCKFUZZ_TLS", tls)]);
        assert!(output.status.success(), "{}", describe(&output));
        // An alert (RFC 5246, section 7.2).
        assert!(output.stdout.starts_with(&[21, 3]), "{}", describe(&output));
    }
}

#[test]
fn a_plain_server_does_not_speak_tls() {
    let target = Target::compile("accept_blocking", &[]);
    let output = target.run(REQUEST, &[("SOCKFUZZ_TLS", "on")]);
    assert!(!output.status.success(), "{}", describe(&output));
    assert!(contains(&output.stderr, "does not speak TLS"), "{}", describe(&output));
}

#[test]
fn half_close_and_close_are_said_in_tls() {
    // The first line is that of the connection that asks whether the server speaks TLS.
    assert_eq!(logged("send 0 \"a\"\nhalf-close 0", true), "close_notify\nclose_notify\n");
    assert_eq!(
        logged("send 0 \"a\"\nclose 0\nsend 1 \"b\"", true),
        "close_notify\nclose_notify\nclose_notify\n"
    );
    assert_eq!(logged("open 0", true), "close_notify\nclose_notify\n");
}

#[test]
fn a_reset_is_in_the_middle_of_a_record() {
    assert_eq!(logged("send 0 \"a\"\nreset 0", true), "close_notify\nConnectionReset\n");
}

#[test]
fn records_are_split_over_packets() {
    let session = "send 0 \"GET / HTTP/1.1\\r\\n\"\nsend 0 \"Host: localhost\\r\\n\\r\\n\"";
    let input = session.parse::<Session>().expect("a valid session").encode();
    for [transport] in transports() {
        let [(whole, _), (split, output)] =
            ["off", "on"].map(|word| packets(&input, &[transport, ("SOCKFUZZ_SPLIT_RECORDS", word)]));
        assert_eq!(split, whole + 2, "{transport:?}: {}", describe(&output));
        assert!(contains(&output.stdout, "\r\n\r\n35 bytes, "), "{transport:?}: {}", describe(&output));
    }
}

#[test]
fn records_below_tls_are_split_where_the_session_says() {
    let hello = include_bytes!("../../corpus/tls/hello-tls12");
    for at in [2, 5, 40] {
        let input = [&hello[..at], b"\xF5\x40", &hello[at..]].concat();
        for [transport] in transports() {
            let (count, output) = packets(&input, &[transport, ("SOCKFUZZ_TLS", "raw")]);
            // A ServerHello (RFC 5246, section 7.4.1.3).
            assert!(output.stdout.starts_with(&[22, 3, 3]), "{transport:?}: {}", describe(&output));
            assert_eq!(count, 2, "{transport:?}: {}", describe(&output));
        }
    }
}

#[test]
fn connections_of_a_session_are_open_at_once() {
    let session = "send 0 \"GET / HTTP/1.1\\r\\n\"\nsend 1 \"GET / HTTP/1.1\\r\\n\"\n\
                   send 1 \"\\r\\n\"\nsend 0 \"Host: localhost\\r\\n\\r\\n\"";
    let input = session.parse::<Session>().expect("a valid session").encode();
    for [transport] in transports() {
        let output = serve(&["1.2", "threads"], &input, &[transport, SESSION]);
        let answers = String::from_utf8_lossy(&output.stdout);
        let [first, second] =
            ["18 bytes, TLSv1_2, Resumed", "35 bytes, TLSv1_2, Resumed"].map(|it| answers.find(it));
        assert!(first.is_some() && first < second, "{transport:?}: {}", describe(&output));
    }
}

#[test]
fn secrets_are_logged_for_wireshark() {
    let file = NamedTempFile::new().expect("a temporary file");
    let output = serve(&["1.2"], REQUEST, &[("SOCKFUZZ_KEY_LOG", text(file.path()))]);
    assert!(output.status.success(), "{}", describe(&output));
    let log = std::fs::read_to_string(file.path()).expect("the log");
    let lengths: Vec<Vec<usize>> = log.lines().map(|line| line.split(' ').map(str::len).collect()).collect();
    // A label, 32 bytes of the client's random value, and 48 bytes of the secret, for both connections.
    assert_eq!(lengths, [[13, 64, 96], [13, 64, 96]], "{log}");
    assert!(log.starts_with("CLIENT_RANDOM "), "{log}");
}
