//! Compares every function in the table of exports with libc's. A case makes the same call from the same state twice:
//! by libc on a real TCP connection, and by the preload on the internal one. Its arguments are those that the manual
//! pages' ERRORS sections name. Result, errno and remaining state must be equal, except where [`INTENDED`] says so.
//!
//! To run one case by hand (see `conformance/main.c`): CONFORMANCE_CASE=recv/peek LD_PRELOAD=… ./target

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use common::{Target, describe, run, transports};

/// Source files of the target program, except `main.c`, without their extension.
const SOURCES: &[&str] = &[
    "descriptors",
    "events",
    "messages",
    "names",
    "options",
    "paths",
    "process",
    "reading",
    "time",
    "waiting",
    "writing",
];

/// Number of cases that run at the same time. Most of them end at once, and those that block only sleep.
const WORKERS: usize = 4;

const UNIX: &str = "unix memory";
const ALL: &str = "unix tcp memory";

const GONE: &str = "a UNIX-domain socket reports at once that its peer has closed; TCP needs a reset";
const LISTENER: &str =
    "no server uses a listener as a connection: the result is the kernel's for a UNIX-domain listener";
const BAND: &str = "a writable UNIX-domain socket has POLLWRBAND, TCP does not; no server asks for it";
const OVER: &str = "TCP ends a connection that both ends have shut down; a UNIX-domain socket keeps it";
const WAITS: &str = "the client sends nothing more, so a wait for more than is there ends with what is there";
const PENDING: &str =
    "the kernel keeps an error after the first messages as a pending error, for the next call";

/// Intended differences: the case (`*` at its end stands for any rest), the transports, and the reason.
const INTENDED: &[(&str, &str, &str)] = &[
    (
        "bind/elsewhere",
        ALL,
        "no socket is bound before listen(2), and the fuzzed one never is: any address works",
    ),
    ("dprintf/listener", UNIX, LISTENER),
    ("epoll_wait/all_half_closed", UNIX, BAND),
    ("getpeername/gone", UNIX, GONE),
    ("getpeername/over", ALL, OVER),
    ("getsockopt/tcp_state", UNIX, "only the TCP states in which the server may answer are emulated"),
    ("getsockopt/tcp_state_over", UNIX, OVER),
    ("ioctl/listener_unsent_bad", UNIX, LISTENER),
    ("poll/all_events", UNIX, BAND),
    ("poll/all_events_both_ways", UNIX, BAND),
    ("poll/all_events_gone", UNIX, GONE),
    ("poll/all_events_half_closed", UNIX, BAND),
    ("poll/all_events_shut*", UNIX, BAND),
    ("read/gone", UNIX, GONE),
    ("read/listener", UNIX, LISTENER),
    ("readv/listener", UNIX, LISTENER),
    ("recv/listener*", UNIX, LISTENER),
    (
        "__recv_chk/zero_nothing",
        ALL,
        "a signal that interrupts a read of zero bytes results in EINTR, not in 0",
    ),
    ("recv/low_mark", ALL, WAITS),
    ("recv/waitall_peek", ALL, WAITS),
    ("recv/zero_nothing", ALL, "a signal that interrupts a read of zero bytes results in EINTR, not in 0"),
    ("recvfrom/listener", UNIX, LISTENER),
    ("recvmmsg/bad_second_base", ALL, PENDING),
    ("recvmmsg/blocks", ALL, PENDING),
    ("recvmmsg/listener", UNIX, LISTENER),
    ("recvmsg/listener", UNIX, LISTENER),
    ("select/gone", UNIX, GONE),
    ("send/fastopen", UNIX, "only TCP clients use MSG_FASTOPEN, to connect in send(2)"),
    ("send/listener*", UNIX, LISTENER),
    ("sendfile/to_listener", UNIX, LISTENER),
    ("sendmmsg/listener", UNIX, LISTENER),
    ("sendmsg/listener", UNIX, LISTENER),
    ("sendto/listener", UNIX, LISTENER),
    ("shutdown/half_closed", UNIX, OVER),
    ("splice/from_listener", UNIX, LISTENER),
    (
        "splice/in_nothing_flag",
        UNIX,
        "the kernel honours SPLICE_F_NONBLOCK on UNIX-domain sockets, not on TCP sockets",
    ),
    ("syscall/io_uring", ALL, "io_uring is refused, so that runtimes use other calls"),
    ("write/gone", UNIX, GONE),
    ("write/listener", UNIX, LISTENER),
    ("writev/listener", UNIX, LISTENER),
];

/// Functions without a case, and the reason.
const UNTRIED: &[(&str, &str)] = &[
    ("_Exit", "does not return"),
    ("_Unwind_RaiseException", "not a function of libc; returns only if nothing catches the exception"),
    ("_exit", "does not return"),
    ("aio_fsync", "takes no connection"),
    ("aio_fsync64", "takes no connection"),
    ("aio_read", "a thread of libc does the work, by calls that no hook sees"),
    ("aio_read64", "see aio_read"),
    ("aio_write", "see aio_read"),
    ("aio_write64", "see aio_read"),
    ("daemon", "ends the process that calls it"),
    ("getaddrinfo_a", "takes no descriptor"),
    ("lio_listio", "see aio_read"),
    ("lio_listio64", "see aio_read"),
    ("mq_notify", "takes a message queue"),
    ("pthread_cancel", "takes a thread; the target cancels_a_thread calls it"),
    ("quick_exit", "does not return"),
    ("thrd_create", "takes the arguments of pthread_create, without attributes that may be invalid"),
    ("timer_create", "takes no descriptor; the target threads_of_timers calls it"),
    ("vfork", "takes no arguments, and its child may not return"),
];

/// Results of a case on the real and on the internal connection.
#[derive(Debug, PartialEq, Eq)]
struct Observed {
    real: String,
    internal: String,
}

fn compile() -> Target {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/targets/conformance");
    let path = |name: &&str| folder.join(name).with_extension("c").to_string_lossy().into_owned();
    let sources: Vec<String> = SOURCES.iter().map(path).collect();
    Target::compile("conformance/main", &sources.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Runs a command and returns its log. If it fails, a description of the failure is appended.
fn log_of(mut command: Command) -> String {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let log = directory.path().join("log");
    command.env("TARGET_LOG", &log);
    let output = run(command, b"");
    let mut text = fs::read_to_string(&log).unwrap_or_default();
    if !output.status.success() {
        text += &format!("ended: {}", describe(&output).trim().replace(['\t', '\n'], " "));
    }
    text
}

fn cases(target: &Target) -> Vec<String> {
    let mut command = target.command(&[]);
    command.env_remove("LD_PRELOAD");
    log_of(command).lines().map(str::to_owned).collect()
}

/// Runs each case in its own process, because a case may crash or leave state behind.
fn observe(target: &Target, command: impl Fn() -> Command + Sync) -> BTreeMap<String, Observed> {
    let cases = cases(target);
    assert!(!cases.is_empty());
    let (next, observed) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Relaxed)) {
                    let mut command = command();
                    command.env("CONFORMANCE_CASE", case);
                    let line = log_of(command);
                    let mut fields = line.trim_end_matches('\n').split('\t').skip(1).map(str::to_owned);
                    let mut field = || fields.next().unwrap_or_else(|| format!("missing in {line:?}"));
                    let seen = Observed { real: field(), internal: field() };
                    observed.lock().expect("no panic while the lock is held").insert(case.clone(), seen);
                }
            });
        }
    });
    observed.into_inner().expect("no panic while the lock is held")
}

fn covers(pattern: &str, case: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => case.starts_with(start),
        None => case == pattern,
    }
}

fn compare(transport: (&str, &str)) {
    let target = compile();
    // In milliseconds, and short, because cases in the state GONE wait until the client has closed.
    let observed = observe(&target, || target.command(&[transport, ("SOCKFUZZ_LINGER", "20")]));
    let mut unused: BTreeSet<&str> = INTENDED
        .iter()
        .filter(|(_, transports, _)| transports.split(' ').any(|name| name == transport.1))
        .map(|(pattern, ..)| *pattern)
        .collect();
    let applicable = unused.clone();
    let mut differences = String::new();
    for (case, Observed { real, internal }) in observed.iter().filter(|(_, seen)| seen.real != seen.internal)
    {
        match applicable.iter().find(|pattern| covers(pattern, case)) {
            Some(pattern) => {
                unused.remove(pattern);
            }
            None => differences += &format!("{case}\n    real:     {real}\n    internal: {internal}\n"),
        }
    }
    assert!(
        differences.is_empty() && unused.is_empty(),
        "{transport:?}\nintended differences that no longer occur: {unused:?}\nunintended differences:\n{differences}"
    );
}

#[test]
fn over_unix() {
    compare(transports()[0][0]);
}

#[test]
fn over_tcp() {
    compare(transports()[1][0]);
}

#[test]
fn over_memory() {
    compare(transports()[2][0]);
}

/// Two real connections give equal results, so the target program itself causes no difference.
#[test]
fn without_preload() {
    let target = compile();
    let observed = observe(&target, || {
        let mut command = target.command(&[("CONFORMANCE_SELF", "1")]);
        command.env_remove("LD_PRELOAD");
        command
    });
    let different: Vec<_> = observed.iter().filter(|(_, seen)| seen.real != seen.internal).collect();
    assert!(different.is_empty(), "{different:#?}");
}

#[test]
fn every_function_has_a_case() {
    let cases = cases(&compile());
    let tried: BTreeSet<&str> = cases.iter().filter_map(|case| case.split('/').next()).collect();
    let tables = [include_str!("../src/table.rs"), include_str!("../src/table/paths.rs")];
    let rows =
        tables.iter().flat_map(|table| table.lines()).filter_map(|line| line.trim().strip_prefix("fn "));
    let exported: BTreeSet<&str> = rows.filter_map(|row| row.split('(').next()).collect();
    let untried: BTreeSet<&str> = exported.difference(&tried).copied().collect();
    assert_eq!(untried, UNTRIED.iter().map(|(name, _)| *name).collect());
}
