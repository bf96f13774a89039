//! Verdicts: what AFL++ is told of a child that has ended.

use libc::c_int;
use sockfuzz_protocol::Counter;

use super::child_state::ChildState;
use crate::process::ending;
use crate::process::relatives::{self, Crash};
use crate::sys::report;

/// Bits of a wait status that tell the signal.
const SIGNAL_BITS: u32 = 0x7f;

/// Verdict on an iteration whose process has ended in it, with this wait status.
pub(super) fn on_iteration(state: &ChildState, status: u32) -> u32 {
    if state.ends_as_planned() {
        return status & !SIGNAL_BITS;
    }
    if state.iterations() == 0 || !is_of_its_own(status) {
        return status;
    }
    if let Some(Crash { pid, signal }) = relatives::await_lasting_crash() {
        report::emit(format_args!("process {pid} of the server was killed by signal {signal}"));
        return signal.cast_unsigned();
    }
    report::status().add(Counter::Exits, (status & SIGNAL_BITS == 0).into());
    as_finding(status)
}

/// Verdict on a process that has ended after it had reported its iteration, and before it had begun the next one.
/// AFL++ can be told with the next input only, which has nothing to do with it. So it is counted, too.
pub(super) fn between_iterations(state: &ChildState, status: u32) -> u32 {
    if state.ends_as_planned() {
        return status & !SIGNAL_BITS;
    }
    if !is_of_its_own(status) {
        return status;
    }
    report::status().add(Counter::EndsBetween, 1);
    let verdict = as_finding(status);
    let blamed = if is_finding(verdict) { "; the next one is blamed" } else { "" };
    report::emit(format_args!("the server ended between two inputs, with wait status {verdict:#x}{blamed}"));
    verdict
}

/// Whether a verdict is a finding to AFL++.
pub(super) fn is_finding(verdict: u32) -> bool {
    verdict & SIGNAL_BITS != 0 && is_of_its_own(verdict)
}

/// Whether nobody but the server itself has ended the process: by a crash or an exit.
fn is_of_its_own(status: u32) -> bool {
    status & SIGNAL_BITS != ending::kill_signal().cast_unsigned()
}

/// An exit is told as a signal, unless exits are only counted.
fn as_finding(status: u32) -> u32 {
    match status & SIGNAL_BITS {
        0 => ending::exit_signal().map_or(status, c_int::cast_unsigned),
        _ => status,
    }
}
