//! Stack of a crash in a single run, as the process itself records it: without gdb, and without a sanitizer.

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::{TestDir, installed};
use sockfuzz::util::preload;

/// Compiles the server that crashes.
fn server(dir: &TestDir) -> PathBuf {
    dir.server_with("crashes", &["-O1", "-pthread", "-Wno-infinite-recursion", "-Wno-attributes"])
}

/// What `sockfuzz replay` shows of a crash on a machine without gdb.
struct Shown {
    text: String,
    /// Lines of the stack, without the numbers.
    frames: Vec<String>,
}

impl Shown {
    /// Replays a request for `what`.
    fn of(dir: &TestDir, program: &Path, arguments: &[&str], what: &str) -> Self {
        let input = dir.write("input", format!("GET /{what} HTTP/1.1\r\n\r\n").as_bytes());
        let mut command = dir.sockfuzz();
        command.env("PATH", dir.path("without-programs")).env_remove("RUST_BACKTRACE");
        command.env("SOCKFUZZ_PRELOAD", preload::locate(None).expect("the preload"));
        command.arg("replay").arg(input).arg("--").arg(program).args(arguments);
        let output = command.output().expect("it runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!text.contains("gdb"), "{text} {}", String::from_utf8_lossy(&output.stderr));
        let frames = text.lines().filter(|line| line.starts_with('#'));
        let frames =
            frames.filter_map(|line| Some(line.split_once(' ')?.1.trim_start().to_owned())).collect();
        Self { text, frames }
    }

    fn says(&self, what: &str) {
        assert!(self.text.contains(what), "{what}: {}", self.text);
    }

    /// Returns the names of the functions.
    fn functions(&self) -> Vec<&str> {
        self.frames.iter().map(|frame| frame.split(' ').next().unwrap_or_default()).collect()
    }

    /// Checks that these are the innermost functions.
    fn begins_with(&self, functions: &[&str]) {
        assert!(self.functions().starts_with(functions), "{functions:?}: {}", self.text);
    }
}

#[test]
fn a_fault_has_its_functions_lines_and_access() {
    let dir = TestDir::new();
    let program = server(&dir);
    let knows_access = cfg!(target_arch = "x86_64");
    let write = Shown::of(&dir, &program, &[], "write");
    write.says("=> CRASH: SIGSEGV");
    write.says(if knows_access { "write to 0x0" } else { "access to 0x0" });
    write.begins_with(&["store", "decode", "handle", "main"]);
    assert!(write.frames[0].contains("/tests/servers/crashes.c:"), "{}", write.text);
    let read = Shown::of(&dir, &program, &[], "read");
    read.says(if knows_access { "read of 0x10" } else { "access to 0x10" });
    read.begins_with(&["load", "decode", "handle", "main"]);
}

#[test]
fn an_abort_has_its_caller() {
    let dir = TestDir::new();
    let shown = Shown::of(&dir, &server(&dir), &[], "abort");
    shown.says("=> CRASH: SIGABRT");
    let calls = ["give_up", "handle", "main"];
    assert!(shown.functions().windows(calls.len()).any(|window| window == calls), "{}", shown.text);
}

/// The handler runs on a stack of its own, in every thread.
#[test]
fn a_stack_overflow_has_the_innermost_calls() {
    let dir = TestDir::new();
    let program = server(&dir);
    for what in ["overflow", "thread_overflow"] {
        let shown = Shown::of(&dir, &program, &[], what);
        shown.says("=> CRASH: SIGSEGV");
        shown.begins_with(&["descend"; 60]);
    }
}

#[test]
fn a_thread_has_its_own_stack() {
    let dir = TestDir::new();
    let shown = Shown::of(&dir, &server(&dir), &[], "thread");
    shown.says("=> CRASH: SIGSEGV");
    shown.begins_with(&["store", "decode", "work"]);
    assert!(shown.frames.iter().all(|frame| !frame.starts_with("main ") && !frame.contains("sockfuzz")));
}

#[test]
fn a_call_of_an_invalid_address_has_its_caller() {
    let dir = TestDir::new();
    let shown = Shown::of(&dir, &server(&dir), &[], "call");
    shown.says("=> CRASH: SIGSEGV");
    shown.begins_with(&["??+0x0", "dispatch", "handle", "main"]);
}

/// The unwinder faults, too.
#[test]
fn a_damaged_stack_ends_the_process_by_the_first_signal() {
    let dir = TestDir::new();
    let shown = Shown::of(&dir, &server(&dir), &[], "stack");
    shown.says("=> CRASH: SIGSEGV");
    shown.begins_with(&["lose_stack"]);
}

/// The verdict is the server's own, the stack that of the fault.
#[test]
fn a_handler_of_the_servers_runs_as_without_a_record() {
    let dir = TestDir::new();
    let shown = Shown::of(&dir, &server(&dir), &["handles"], "write");
    shown.says("=> CRASH: SIGABRT");
    shown.begins_with(&["store", "decode"]);
}

#[test]
fn an_answer_has_no_stack() {
    let dir = TestDir::new();
    let shown = Shown::of(&dir, &server(&dir), &[], "fine");
    shown.says("=> answered");
    assert!(shown.frames.is_empty());
}

/// Without debug information, functions have names; without symbols, addresses in their file.
#[test]
fn a_stripped_program_has_what_is_left() {
    let Some(strip) = installed("strip", "binutils") else { return };
    let dir = TestDir::new();
    let program = server(&dir);
    let shown_after = |option: &str| {
        let status = Command::new(&strip).arg(option).arg(&program).status().expect("it starts");
        assert!(status.success());
        Shown::of(&dir, &program, &[], "write")
    };
    let named = shown_after("-g");
    named.begins_with(&["store", "decode", "handle", "main"]);
    let places: Vec<_> = named.frames[..4].iter().filter_map(|frame| frame.split_once(" in ")).collect();
    let places: Vec<_> = places.into_iter().map(|(_, place)| place).collect();
    assert!(places.iter().all(|place| place.starts_with("crashes+0x")), "{}", named.text);
    shown_after("-s").begins_with(&places);
}

/// The server would catch the panic. What reports it is not on the stack.
#[test]
fn a_rust_panic_begins_where_the_server_panics() {
    let dir = TestDir::new();
    let program = dir.rust_target("panics", &["-g"]);
    let shown = Shown::of(&dir, &program, &[], "");
    shown.says("=> CRASH: the server panicked, SIGABRT");
    shown.begins_with(&["panics::parse", "panics::answer"]);
}
