//! Verdicts: the wait statuses that AFL++ gets for children that have ended.

use libc::c_int;
use sockfuzz_protocol::Counter;

use super::child_state::{ChildState, IterationState};
use crate::afl;
use crate::process::ending;
use crate::process::relatives::{self, Crash};
use crate::sys::report;

/// Bits of a wait status that hold the signal.
const SIGNAL_BITS: u32 = 0x7f;

/// Returns the verdict on an iteration in which the process has ended, with this wait status.
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

/// Returns the verdict on a process that has ended after the report of its iteration, and before the start of the next
/// one. AFL++ can only receive it with the next input, which is not its cause. So the end is also counted.
pub(super) fn between_iterations(state: &ChildState, status: u32) -> u32 {
    if state.ends_as_planned() {
        return status & !SIGNAL_BITS;
    }
    if !is_of_its_own(status) {
        return status;
    }
    report::status().add(Counter::EndsBetween, 1);
    let verdict = as_finding(status);
    let blamed = if is_finding(verdict) { "; AFL++ attributes that to the next input" } else { "" };
    report::emit(format_args!("the server ended between two inputs, with wait status {status:#x}{blamed}"));
    verdict
}

/// Delivers the coverage of a child that has died in an iteration.
pub(super) fn deliver_coverage(place: usize, state: &ChildState) {
    let in_iteration = state.iterations() > 0 && state.iteration_state() == IterationState::Running;
    if let Some(instrumentation) = afl::instrumentation().filter(|_| in_iteration) {
        instrumentation.deliver_coverage_of(place);
    }
}

/// Whether AFL++ takes a verdict for a finding.
pub(super) fn is_finding(verdict: u32) -> bool {
    verdict & SIGNAL_BITS != 0 && is_of_its_own(verdict)
}

/// Whether the server itself has ended the process, by a crash or an exit, and AFL++ has not killed it.
pub(super) fn is_of_its_own(status: u32) -> bool {
    status & SIGNAL_BITS != ending::kill_signal().cast_unsigned()
}

/// Returns the signal that has ended a process; 0 after an exit.
pub(super) fn signal(status: u32) -> c_int {
    (status & SIGNAL_BITS).cast_signed()
}

/// Replaces an exit by a signal, unless exits are only counted.
fn as_finding(status: u32) -> u32 {
    match status & SIGNAL_BITS {
        0 => ending::exit_signal().map_or(status, c_int::cast_unsigned),
        _ => status,
    }
}
