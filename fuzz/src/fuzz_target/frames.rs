//! Frames of the server at a crash, for reports that machines read.

use std::fmt;

use anyhow::Result;
use gdb_command::mappings::{MappedFiles, MappedFilesExt};
use gdb_command::siginfo::Siginfo;
use libcasr::gdb::GdbStacktrace;
use libcasr::stacktrace::{ParseStacktrace, StacktraceEntry};
use sockfuzz_protocol::PRELOAD_FILE;

use crate::server::backtrace;
use crate::server::crash_stack::CrashStack;
use crate::server::debugger::{CrashState, Section};
use crate::server::single_run::{RunConfig, SingleRun};

/// Parts of names of functions that handle a panic: what is above the last of them is not the server's. (Other functions of
/// `panicking` catch panics.)
const PANIC_MACHINERY: &[&str] = &[
    "panicking::panic",
    "panicking::begin_panic",
    "panicking::assert_failed",
    "rust_begin_unwind",
    "rust_panic",
    "_Unwind_RaiseException",
];

/// Parts of paths in Rust's standard library, and the begin of relative ones in its own debug information.
const RUST_LIBRARY: &[&str] = &["/rustc/", "/rustlib/src/"];
const RUST_LIBRARY_BEGIN: &str = "library/";

/// Functions of the C library by which a process sends itself a signal.
const SIGNAL_DELIVERY: &[&str] = &[
    "raise",
    "gsignal",
    "abort",
    "__pthread_kill_implementation",
    "__pthread_kill_internal",
    "pthread_kill",
    "__GI_raise",
    "__GI_abort",
    "__GI___pthread_kill",
    "<signal handler called>",
    "tgkill",
    "syscall",
];

/// Columns of gdb's table of mappings: addresses, size, offset, permissions, file.
const MAPPING_COLUMNS: usize = 6;

/// Frame of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ReportFrame {
    address: u64,
    /// Function; empty if it is not known.
    function: String,
    /// Source line, or module and offset; empty if neither is known.
    place: String,
}

/// Stack of a crash.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ReportStack {
    /// Address whose access caused the signal, if one did.
    pub(super) fault: Option<u64>,
    /// Whether that access was a write, if it is known.
    pub(super) is_write: Option<bool>,
    /// Frames of the server, the innermost first.
    pub(super) frames: Vec<ReportFrame>,
}

impl ReportFrame {
    /// Returns the address of the instruction.
    pub(super) fn address(&self) -> u64 {
        self.address
    }

    /// As sanitizers write the place in a summary.
    pub(super) fn summary(&self) -> String {
        let function =
            if self.function.is_empty() { String::new() } else { format!(" in {}", self.function) };
        format!("{}{function}", self.place).trim_start().to_owned()
    }
}

/// As sanitizers write a frame, after its number.
impl fmt::Display for ReportFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.address)?;
        if !self.function.is_empty() {
            write!(f, " in {}", self.function)?;
        }
        // Two spaces stand where the function is missing.
        let gap = if self.function.is_empty() { "  " } else { " " };
        if self.place.is_empty() { Ok(()) } else { write!(f, "{gap}{}", self.place) }
    }
}

/// Returns the stack of the crash that an input causes: what the process of `run` has recorded, otherwise what gdb shows if there
/// is one; without frames if they cannot be found. Without a `run`, runs the input once more.
///
/// # Errors
/// When the user interrupts.
pub(super) fn frames(config: &RunConfig<'_>, input: &[u8], run: Option<&SingleRun>) -> Result<ReportStack> {
    let recorded = match run {
        Some(run) => run.crash_stack(),
        None => config.run(input)?.crash_stack(),
    };
    if let Some(stack) =
        recorded.map(|recorded| of_recorded(&recorded)).filter(|stack| !stack.frames.is_empty())
    {
        return Ok(stack);
    }
    Ok(backtrace::crash_state(config, input)?.map_or_else(ReportStack::default, |state| of_state(&state)))
}

fn of_recorded(recorded: &CrashStack) -> ReportStack {
    let all: Vec<_> = recorded.frames.iter().map(StacktraceEntry::from).collect();
    ReportStack {
        fault: recorded.address,
        is_write: recorded.is_write,
        frames: of_server(&all).map(frame).collect(),
    }
}

fn of_state(state: &CrashState) -> ReportStack {
    let mappings = mappings(state.section(Section::Mappings));
    let entries = GdbStacktrace::extract_stacktrace(state.section(Section::Stack)).unwrap_or_default();
    let entries = entries.iter().filter_map(|entry| GdbStacktrace::parse_stacktrace_entry(entry).ok());
    let mut all: Vec<_> = entries.collect();
    add_addresses(&mut all);
    all.iter_mut().for_each(|entry| locate(entry, &mappings));
    let is_fault = |info: &Siginfo| [libc::SIGSEGV, libc::SIGBUS].contains(&(info.si_signo as i32));
    let info = Siginfo::from_gdb(state.section(Section::Signal)).ok().filter(is_fault);
    ReportStack {
        fault: info.map(|info| info.si_addr),
        is_write: None,
        frames: of_server(&all).map(frame).collect(),
    }
}

/// Parses the mappings. Files with blanks in their names, such as deleted ones, are left out: the parser takes the last word
/// of the longest line for the place of all names.
fn mappings(section: &str) -> MappedFiles {
    let is_plain = |line: &&str| {
        line.trim_start().starts_with("0x") && line.split_whitespace().count() <= MAPPING_COLUMNS
    };
    let lines: Vec<_> = section.lines().filter(is_plain).collect();
    MappedFiles::from_gdb(lines.join("\n")).unwrap_or_default()
}

/// Adds the addresses of frames of inlined functions, which gdb leaves out: each has that of the function around it.
fn add_addresses(all: &mut [StacktraceEntry]) {
    let mut outer = 0;
    for entry in all.iter_mut().rev() {
        if entry.address == 0 {
            entry.address = outer;
        }
        outer = entry.address;
    }
}

/// Adds the module and the offset.
fn locate(entry: &mut StacktraceEntry, mappings: &MappedFiles) {
    if let Some(file) = mappings.find(entry.address) {
        entry.module = file.name;
        entry.offset = entry.address - file.start + file.offset;
    }
}

/// Returns the frames of the server: those of the preload, of panics, of Rust's standard library and of the delivery of a
/// signal are left out.
fn of_server(all: &[StacktraceEntry]) -> impl Iterator<Item = &StacktraceEntry> {
    let handles_panic =
        |entry: &StacktraceEntry| PANIC_MACHINERY.iter().any(|part| entry.function.contains(part));
    let begin = all.iter().rposition(handles_panic).map_or(0, |last| last + 1);
    let is_ours = |entry: &&StacktraceEntry| entry.module.ends_with(PRELOAD_FILE);
    let delivers = |entry: &&StacktraceEntry| {
        let name = entry.function.split(" (").next().unwrap_or_default();
        SIGNAL_DELIVERY.contains(&name)
    };
    let is_library = |entry: &&StacktraceEntry| {
        let file = &*entry.debug.file;
        file.starts_with(RUST_LIBRARY_BEGIN) || RUST_LIBRARY.iter().any(|part| file.contains(part))
    };
    let own = all[begin..].iter().filter(move |entry| !is_ours(entry) && !is_library(entry));
    own.skip_while(delivers)
}

fn frame(entry: &StacktraceEntry) -> ReportFrame {
    let debug = &entry.debug;
    let place = match (debug.file.is_empty(), entry.module.is_empty()) {
        (false, _) if debug.line > 0 => format!("{}:{}", debug.file, debug.line),
        (_, false) => format!("({}+{:#x})", entry.module, entry.offset),
        _ => String::new(),
    };
    // gdb writes the names of arguments, too.
    let name = entry.function.rsplit_once(" (").map_or(&*entry.function, |(name, _)| name);
    let function = if name == "??" { String::new() } else { name.to_owned() };
    ReportFrame { address: entry.address, function, place }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_frames_of_the_server_are_left() {
        let state = CrashState::from(
            "\n@signal\n$1 = {si_signo = 0x6, si_errno = 0x0, si_code = 0xfffffffa}\n\
             \n@stack\n#0  0x00007ffff7c8ae3c in __pthread_kill_implementation () from /lib/libc.so.6\n\
             #1  0x00007ffff7c3bfb2 in raise () from /lib/libc.so.6\n\
             #2  0x00007ffff7f00010 in abort_now () at preload/src/panics.rs:9\n\
             #3  0x0000555555560000 in std::panicking::begin_panic_handler () at library/std/src/panicking.rs:1\n\
             #4  0x0000555555561000 in planted::same_host () at /w/planted.rs:87\n\
             #5  0x0000555555561800 in std::panicking::catch_unwind<()> () at library/std/src/panicking.rs:9\n\
             #6  0x0000555555562000 in ?? ()\n\
             #7  0x00007ffff7f00020 in epoll_wait () at preload/src/hooks/epoll.rs:9\n\
             \n@registers\n\n@mappings\nprocess 7\nMapped address spaces:\n\n\
             \x20         Start Addr           End Addr       Size     Offset  Perms  objfile\n\
             \x20     0x555555554000     0x555555600000    0xac000        0x0  r-xp   /srv/planted\n\
             \x20     0x7ffff7f00000     0x7ffff7f80000    0x80000        0x0  r-xp   /b/libsockfuzz_preload.so\n\
             \x20     0x7ffff7fa0000     0x7ffff7fb0000    0x10000        0x0  rw-s   /memfd:sockfuzz (deleted)\n\
             \n@code\n",
        );
        let stack = of_state(&state);
        assert_eq!(stack.fault, None);
        let frames: Vec<_> = stack.frames.iter().map(ToString::to_string).collect();
        let first = "0x555555561000 in planted::same_host /w/planted.rs:87";
        assert_eq!(frames, [first, "0x555555562000  (/srv/planted+0xe000)"]);
    }
}
