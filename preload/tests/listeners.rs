//! Choice of the fuzzed listener in a single run (by port, by socket activation, by path), and its properties as the
//! server sees them. A test has the name of its target.

mod common;

use std::fs;
use std::net::TcpListener;
use std::os::fd::AsRawFd;

use rustix::io::{FdFlags, fcntl_setfd};

use common::{Target, answers, contains, describe, transports};

const REQUEST: &[u8] = b"GET /path HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn shows_addresses() {
    answers("shows_addresses", &[], REQUEST, "127.0.0.1:8101 from 127.0.0.1:54321\n");
}

#[test]
fn two_listeners() {
    answers("two_listeners", &[], REQUEST, "the other one is real\n");
}

#[test]
fn listener_chosen() {
    let target = Target::compile("listener_chosen", &[]);
    for [transport] in transports() {
        let output = target.run(REQUEST, &[transport, ("SOCKFUZZ_PORT", "8101")]);
        assert!(output.stdout.ends_with(b"GET /path HTTP/1.1\n"), "{transport:?} {}", describe(&output));
    }
}

#[test]
fn connection_to_own_listener_is_reported() {
    let output = Target::compile("connects_to_itself", &[]).run(REQUEST, &[]);
    assert!(
        contains(&output.stderr, "connects to 127.0.0.1:8101, its own listener"),
        "{}",
        describe(&output)
    );
}

#[test]
fn listener_activated() {
    let target = Target::compile("listener_activated", &[]);
    for [transport] in transports() {
        let output = target.run(REQUEST, &[transport, ("SOCKFUZZ_SOCKET_ACTIVATION", "on")]);
        assert!(output.stdout.ends_with(b"GET /path HTTP/1.1\n"), "{transport:?} {}", describe(&output));
    }
}

/// The listener is real: a process without the preload created it.
#[test]
fn listener_activated_from_outside() {
    let target = Target::compile("listener_activated", &[]);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    for [(option, value)] in transports() {
        let mut command = std::process::Command::new("/bin/sh");
        let script = format!("LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" 3<&{}", listener.as_raw_fd());
        command.args(["-c", &script]).arg(target.command(&[]).get_program());
        command.env("LD_PRELOAD", common::preload()).env(option, value);
        fcntl_setfd(&listener, FdFlags::empty()).expect("open");
        let output = common::run(command, REQUEST);
        assert!(output.stdout.ends_with(b"GET /path HTTP/1.1\n"), "{value} {}", describe(&output));
    }
    listener.set_nonblocking(true).expect("open");
    assert!(listener.accept().is_err(), "no connection reached the real listener");
}

#[test]
fn listener_unix() {
    let target = Target::compile("listener_unix", &[]);
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("socket").into_os_string().into_string().expect("a UTF-8 path");
    fs::write(&path, "the user's").expect("a writable directory");
    for path in [path.as_str(), "@sockfuzz test"] {
        let output = target.run(REQUEST, &[("TARGET_PATH", path), ("SOCKFUZZ_PORT", path)]);
        assert!(output.stdout.ends_with(b"GET /path HTTP/1.1\n"), "{path} {}", describe(&output));
    }
    assert_eq!(fs::read_to_string(&path).expect("still there"), "the user's");
}
