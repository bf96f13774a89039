//! Report of a crash, in a form that ClusterFuzz parses: its kind, and frames of the server.

use std::fmt::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::Result;
use sockfuzz_protocol::EXIT_SIGNAL;

use crate::fuzz_target::frames::{self, ReportStack};
use crate::server::sanitizers;
use crate::server::single_run::{RunConfig, SingleRun};

/// Begins the first line of a report that sanitizers write.
const SANITIZER_ERROR: &str = "Sanitizer: ";

/// Maximum number of bytes of the server's own output in a report: the last ones.
const MAX_OUTPUT_BYTES: usize = 64 << 10;

/// Begins a line of the stack that the preload writes for a panic.
const PRELOAD_STACK: &str = "sockfuzz:  ";

/// Name for signals, in the place of a sanitizer. Programs with this one or with libFuzzer report signals under it.
const SIGNAL_REPORTER: &str = "UndefinedBehaviorSanitizer";

/// How an input fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failing {
    /// A signal ended the server.
    Signal(i32),
    /// The server exited while it had a request.
    Exit,
    /// The server did not end in time.
    Timeout(Duration),
}

impl Failing {
    /// Returns the failure for the end of a process in the loop.
    #[must_use]
    pub fn of_loop(status: ExitStatus) -> Self {
        match status.signal() {
            Some(EXIT_SIGNAL) | None => Self::Exit,
            Some(signal) => Self::Signal(signal),
        }
    }
}

/// Returns the report of a failure: what the server wrote, and, unless a sanitizer has reported, what happened. `run` is the
/// single run that failed; without it, the stack takes another run.
///
/// # Errors
/// When the user interrupts.
pub fn report(
    config: &RunConfig<'_>,
    input: &[u8],
    failing: Failing,
    output: &[u8],
    run: Option<&SingleRun>,
) -> Result<String> {
    let begin = output.len().saturating_sub(MAX_OUTPUT_BYTES);
    let mut text = String::from_utf8_lossy(&output[begin..]).into_owned();
    if let (Failing::Signal(_) | Failing::Exit, true) = (failing, has_sanitizer_report(output)) {
        // In full: it may be longer than what is kept of other output.
        return Ok(String::from_utf8_lossy(output).into_owned());
    }
    // The preload's own stack repeats the server's.
    text = text
        .lines()
        .filter(|line| !line.starts_with(PRELOAD_STACK))
        .map(|line| format!("{line}\n"))
        .collect();
    let stack = match failing {
        Failing::Signal(_) => frames::frames(config, input, run)?,
        Failing::Exit | Failing::Timeout(_) => ReportStack::default(),
    };
    Ok(text + &of_stack(failing, &stack, std::process::id()))
}

/// Whether a server's output contains a sanitizer's report of an error.
#[must_use]
pub fn has_sanitizer_report(output: &[u8]) -> bool {
    let text = String::from_utf8_lossy(output);
    sanitizers::is_report(output)
        && text.lines().any(|line| {
            (line.contains("ERROR: ") && line.contains(SANITIZER_ERROR)) || line.contains(": runtime error: ")
        })
}

fn of_stack(failing: Failing, stack: &ReportStack, process: u32) -> String {
    let mut text = String::new();
    let pc = stack.frames.first().map_or(String::new(), |frame| format!(" (pc {:#014x})", frame.address()));
    let (title, summary, is_aborting) = match failing {
        Failing::Signal(signal) => match (name(signal), address(signal, stack, process)) {
            (Some(name), Some(address)) => {
                let kind = format!("{SIGNAL_REPORTER}: {name}");
                (format!("ERROR: {kind} on unknown address {address:#014x}{pc}"), kind, true)
            }
            _ => {
                (" ERROR: libFuzzer: deadly signal".to_owned(), "libFuzzer: deadly signal".to_owned(), false)
            }
        },
        Failing::Exit => {
            let kind = "libFuzzer: fuzz target exited".to_owned();
            (format!(" ERROR: {kind}"), kind, false)
        }
        Failing::Timeout(limit) => {
            let seconds = limit.as_secs().max(1);
            let _ = writeln!(
                text,
                "ALARM: working on the last Unit for {seconds} seconds\n       and the timeout value is {seconds} \
                 (use -timeout=N to change)"
            );
            let kind = format!("libFuzzer: timeout after {seconds} seconds");
            (format!(" ERROR: {kind}"), "libFuzzer: timeout".to_owned(), false)
        }
    };
    let _ = writeln!(text, "=={process}=={title}");
    if let Some(is_write) = stack.is_write.filter(|_| is_aborting && stack.fault.is_some()) {
        let access = if is_write { "WRITE" } else { "READ" };
        let _ = writeln!(text, "=={process}==The signal is caused by a {access} memory access.");
    }
    for (number, frame) in stack.frames.iter().enumerate() {
        let _ = writeln!(text, "    #{number} {frame}");
    }
    let place = stack.frames.first().map_or(String::new(), |frame| format!(" {}", frame.summary()));
    let _ = writeln!(text, "SUMMARY: {summary}{place}");
    if is_aborting {
        let _ = writeln!(text, "=={process}==ABORTING");
    }
    text
}

/// Returns the name of a signal, as sanitizers have it.
fn name(signal: i32) -> Option<&'static str> {
    match signal {
        libc::SIGSEGV => Some("SEGV"),
        libc::SIGABRT => Some("ABRT"),
        libc::SIGBUS => Some("BUS"),
        libc::SIGFPE => Some("FPE"),
        libc::SIGILL => Some("ILL"),
        libc::SIGTRAP => Some("TRAP"),
        _ => None,
    }
}

/// Returns the address that sanitizers print for a signal: of an access, of the instruction, or for an abort the process.
fn address(signal: i32, stack: &ReportStack, process: u32) -> Option<u64> {
    match signal {
        libc::SIGABRT => Some(process.into()),
        libc::SIGSEGV | libc::SIGBUS => stack.fault,
        _ => stack.frames.first().map(frames::ReportFrame::address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_without_a_stack_is_a_deadly_signal() {
        let stack = ReportStack::default();
        let segv = of_stack(Failing::Signal(libc::SIGSEGV), &stack, 7);
        assert_eq!(segv, "==7== ERROR: libFuzzer: deadly signal\nSUMMARY: libFuzzer: deadly signal\n");
        let abrt = of_stack(Failing::Signal(libc::SIGABRT), &stack, 7);
        assert!(
            abrt.starts_with("==7==ERROR: UndefinedBehaviorSanitizer: ABRT on unknown address 0x0000"),
            "{abrt}"
        );
    }

    #[test]
    fn an_access_has_its_address() {
        let stack = ReportStack { fault: Some(0x10), is_write: Some(true), frames: Vec::new() };
        let segv = of_stack(Failing::Signal(libc::SIGSEGV), &stack, 7);
        let first = "==7==ERROR: UndefinedBehaviorSanitizer: SEGV on unknown address 0x000000000010\n";
        assert!(segv.starts_with(first) && segv.ends_with("==7==ABORTING\n"), "{segv}");
        assert!(segv.contains("==7==The signal is caused by a WRITE memory access.\n"), "{segv}");
    }

    #[test]
    fn exits_and_timeouts_are_libfuzzers() {
        let exit = of_stack(Failing::Exit, &ReportStack::default(), 7);
        assert!(exit.contains("==7== ERROR: libFuzzer: fuzz target exited\n"), "{exit}");
        let timeout = of_stack(Failing::Timeout(Duration::from_secs(25)), &ReportStack::default(), 7);
        assert!(timeout.contains("==7== ERROR: libFuzzer: timeout after 25 seconds\n"), "{timeout}");
    }

    #[test]
    fn reports_of_sanitizers_are_known() {
        assert!(has_sanitizer_report(b"==7==ERROR: AddressSanitizer: heap-use-after-free on address 0x1\n"));
        assert!(has_sanitizer_report(b"a.c:1:2: runtime error: signed integer overflow\n"));
        assert!(!has_sanitizer_report(b"[error] sanitizer\n"));
    }
}
