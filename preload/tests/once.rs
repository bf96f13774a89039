//! Single runs of the target programs without the command line: the input comes from stdin, the answer goes to stdout.
//! Each target uses different system calls. A test has the name of its target.

mod common;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::Stdio;

use common::{Target, answers, contains, describe, transports};

const REQUEST: &[u8] = b"GET /path HTTP/1.1\r\nHost: a\r\n\r\n";

include!("targets/list.rs");

/// Declares a test for each target that repeats the first line of a request.
macro_rules! repeats_the_first_line {
    ($($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                answers(stringify!($name), &[], b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\n");
            }
        )*
    };
}

for_each_target!(repeats_the_first_line);

#[test]
fn accept_threads() {
    answers("accept_threads", &[], REQUEST, "0 before, 1 since\n");
}

#[test]
fn epoll_edge_triggered() {
    answers("epoll_edge_triggered", &[], REQUEST, &format!("{} bytes\n", REQUEST.len()));
}

#[test]
fn fortified() {
    answers("fortified", &["-O2", "-D_FORTIFY_SOURCE=2"], REQUEST, "fortified\n");
}

#[test]
fn reads_with_flags() {
    answers("reads_with_flags", &[], b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1 and 15 more\n");
}

#[test]
fn big_request() {
    let input = vec![b'x'; 1 << 20];
    answers("big_request", &[], &input, "1048576 bytes\n");
}

#[test]
fn waits_for_all() {
    let input = vec![b'x'; 1 << 20];
    answers("waits_for_all", &[], &input, "600000 and 448576\n");
}

#[test]
fn thread_midway() {
    let input = vec![b'x'; 1 << 20];
    answers("thread_midway", &[], &input, "1048576 bytes\n");
}

/// After the fallback, the bytes that transport memory had taken go through the socket: more than its buffer holds.
#[test]
fn stream_midway() {
    let input = vec![b'x'; 1 << 20];
    answers("stream_midway", &[], &input, "1048576 bytes\n");
}

/// Transport memory serves the first targets itself, and falls back to unix for the others with a stated reason.
#[test]
fn memory_transport_falls_back_only_if_needed() {
    let memory = [("SOCKFUZZ_TRANSPORT", "memory")];
    for name in [
        "accept_blocking",
        "accept_threads",
        "epoll_duplicated",
        "epoll_oneshot",
        "epoll_wait",
        "helper_process",
        "lingering_close",
        "messages",
        "poll",
        "pool_channel",
        "pool_semaphore",
        "select",
        "thread_midway",
        "thread_per_connection",
        "threads_before_listen",
    ] {
        let output = Target::compile(name, &[]).run(REQUEST, &memory);
        assert!(!contains(&output.stderr, "going on with unix"), "{name} {}", describe(&output));
    }
    for (name, reason) in [
        ("big_answer_blocking", "dprintf"),
        ("epoll_nested", "epoll instance"),
        ("fork_per_connection", "creates a process"),
        ("passes_to_itself", "a descriptor"),
        ("splices", "splices"),
        ("stdio_stream", "stdio stream"),
        ("stream_midway", "stdio stream"),
    ] {
        let output = Target::compile(name, &[]).run(REQUEST, &memory);
        let lines = String::from_utf8_lossy(&output.stderr);
        let said: Vec<_> = lines.lines().filter(|line| line.contains("going on with unix")).collect();
        assert_eq!(said.len(), 1, "{name} {}", describe(&output));
        assert!(said[0].contains(reason), "{name} {}", describe(&output));
    }
}

/// Checks an answer that is larger than any socket buffer, from a server that does nothing else meanwhile.
fn answers_20_mebibytes(name: &str) {
    let target = Target::compile(name, &[]);
    for options in transports() {
        let output = target.run(REQUEST, &options);
        assert!(output.status.success(), "{name} {options:?}: {}", describe(&output));
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 20971520\r\n\r\n";
        assert!(output.stdout.starts_with(head), "{name} {options:?}");
        assert_eq!(output.stdout.len(), head.len() + (20 << 20), "{name} {options:?}");
    }
}

#[test]
fn big_answer_blocking() {
    answers_20_mebibytes("big_answer_blocking");
}

#[test]
fn big_answer_nonblocking() {
    answers_20_mebibytes("big_answer_nonblocking");
}

#[test]
fn big_answer_sendfile() {
    answers_20_mebibytes("big_answer_sendfile");
}

/// A single run does not fix randomness: all draws differ, within a run and between two runs.
#[test]
fn random_bytes() {
    let target = Target::compile("random_bytes", &[]);
    let mut drawn = BTreeSet::new();
    for _ in 0..2 {
        let output = target.run(REQUEST, &[]);
        assert!(output.status.success(), "{}", describe(&output));
        let answer = String::from_utf8_lossy(&output.stdout).into_owned();
        let body = answer.split("\r\n\r\n").nth(1).unwrap_or_default();
        drawn.extend(body.split_whitespace().map(str::to_owned));
    }
    assert_eq!(drawn.len(), 2 * 5, "{drawn:?}");
}

#[test]
fn big_answer_stdio() {
    answers_20_mebibytes("big_answer_stdio");
}

#[test]
fn prints_to_stdout() {
    let output = Target::compile("prints_to_stdout", &[]).run(REQUEST, &[]);
    assert!(output.status.success(), "{}", describe(&output));
    assert!(output.stdout.starts_with(b"HTTP/1.1 200 OK\r\n"), "{}", describe(&output));
    assert!(!contains(&output.stdout, "this is on"), "{}", describe(&output));
    assert!(contains(&output.stderr, "this is on stdout\nthis is on stderr\n"), "{}", describe(&output));
}

/// The client waits for more input until the answer arrives, so only shutdown(2) can wake the thread.
#[test]
fn shutdown_wakes_accept() {
    let target = Target::compile("shutdown_wakes_accept", &[]);
    for options in transports() {
        let mut child = std::process::Command::new("timeout")
            .args(["10", "env", &format!("LD_PRELOAD={}", common::preload().display())])
            .arg(target.command(&[]).get_program())
            .envs(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the target starts");
        let mut stdin = child.stdin.take().expect("piped");
        stdin.write_all(REQUEST).expect("a pipe has room");
        child.stdout.take().expect("piped").read_exact(&mut [0; 1]).expect("an answer");
        drop(stdin);
        assert!(child.wait().expect("waitpid").success(), "{options:?}");
    }
}

#[test]
fn never_closes() {
    let output = Target::compile("never_closes", &[]).run(REQUEST, &[("SOCKFUZZ_LINGER", "50")]);
    assert!(output.status.success(), "{}", describe(&output));
    assert!(output.stdout.ends_with(b"GET /path HTTP/1.1\n"), "{}", describe(&output));
}

/// Checks that one worker answers. The preload ends only that worker; the caller has to end the other processes.
fn one_of_several_processes_answers(name: &str) {
    let target = Target::compile(name, &[]);
    let mut command = std::process::Command::new("/bin/sh");
    // `run` reads the pipe to its end, so it returns only after the last process that holds the pipe has ended.
    command.args(["-c", "timeout --kill-after=1 3 \"$0\" 2>/dev/null; exit 0"]);
    command.arg(target.command(&[]).get_program()).env("LD_PRELOAD", common::preload());
    let output = common::run(command, REQUEST);
    assert!(output.stdout.ends_with(b"GET /path HTTP/1.1\n"), "{}", describe(&output));
}

/// A signal that ends the first process of a server in the background ends the whole server.
#[test]
fn daemon_is_interrupted() {
    let target = Target::compile("daemon", &[]);
    let mut command = target.command(&[]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    // A shell without job control has its background jobs ignore the signal, and so would the target.
    // SAFETY: `pre_exec` requires a closure that is async-signal-safe; signal(2) is, and SIG_DFL is valid.
    unsafe {
        command.pre_exec(|| {
            libc::signal(libc::SIGINT, libc::SIG_DFL);
            Ok(())
        });
    }
    let mut child = command.spawn().expect("the target starts");
    let mut stdin = child.stdin.take().expect("piped");
    let mut stdout = child.stdout.take().expect("piped");
    stdin.write_all(REQUEST).expect("a pipe has room");
    stdout.read_exact(&mut [0; 1]).expect("an answer");
    let pid = libc::pid_t::try_from(child.id()).expect("process ids fit into pid_t");
    // SAFETY: kill(2) accesses no memory. The child has not been waited for, so no other process has its id.
    assert_eq!(unsafe { libc::kill(pid, libc::SIGINT) }, 0);
    assert_eq!(child.wait().expect("waitpid").signal(), Some(libc::SIGINT));
    // The pipe reaches its end only when no process holds it any more.
    stdout.read_to_end(&mut Vec::new()).expect("a readable pipe");
}

#[test]
fn io_uring_refused() {
    answers("io_uring_refused", &[], b"GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\n");
    let output = Target::compile("io_uring_refused", &[]).run(REQUEST, &[]);
    assert!(contains(&output.stderr, "io_uring is refused"), "{}", describe(&output));
}

#[test]
fn prefork() {
    one_of_several_processes_answers("prefork");
}

#[test]
fn listener_reuseport_processes() {
    one_of_several_processes_answers("listener_reuseport_processes");
}

#[test]
fn exits_early() {
    let output = Target::compile("exits_early", &[]).run(REQUEST, &[]);
    assert_eq!(output.status.code(), Some(3), "{}", describe(&output));
}

#[test]
fn dies_while_serving() {
    let output = Target::compile("dies_while_serving", &[]).run(REQUEST, &[]);
    assert_eq!(output.status.signal(), Some(11), "{}", describe(&output));
}

#[test]
fn invalid_option_value_is_reported() {
    let target = Target::compile("accept_blocking", &[]);
    let output = target.run(REQUEST, &[("SOCKFUZZ_TRANSPORT", "pigeon")]);
    assert_eq!(output.status.code(), Some(69), "{}", describe(&output));
    assert!(contains(&output.stderr, "SOCKFUZZ_TRANSPORT=pigeon"), "{}", describe(&output));
}

#[test]
fn loop_mode_without_afl_is_refused() {
    let target = Target::compile("accept_blocking", &[]);
    let output = target.run(REQUEST, &[("SOCKFUZZ_MODE", "loop")]);
    assert_eq!(output.status.code(), Some(69), "{}", describe(&output));
    assert!(contains(&output.stderr, "cargo afl fuzz"), "{}", describe(&output));
}

#[test]
fn wrapper_script_may_start_the_server() {
    let target = Target::compile("accept_blocking", &[]);
    let server = target.command(&[]).get_program().to_owned();
    let mut command = std::process::Command::new("/bin/sh");
    command.args(["-c", "\"$0\""]).arg(server).env("LD_PRELOAD", common::preload());
    let output = common::run(command, REQUEST);
    assert!(output.stdout.ends_with(b"GET /path HTTP/1.1\n"), "{}", describe(&output));
}
