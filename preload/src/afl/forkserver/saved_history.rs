//! Histories of children that have ended by a finding.

use sockfuzz_protocol::fnv;

use super::child_state::{ChildState, IterationState};
use super::verdict;
use crate::afl;
use crate::history::{self, Ending};
use crate::sys::planned_end::PlannedEnd;

/// Saves the history of the child in this place, which has ended with this wait status, if that is a finding.
pub(super) fn save(place: usize, state: &ChildState, status: u32) {
    if state.iterations() == 0 {
        return;
    }
    let ending = match state.planned_end() {
        PlannedEnd::InternalError => Some(Ending::InternalError),
        PlannedEnd::Regular => None,
        PlannedEnd::None if verdict::is_of_its_own(status) => match verdict::signal(status) {
            0 => Some(Ending::Exit(libc::WEXITSTATUS(status.cast_signed()))),
            signal => Some(Ending::Signal(signal)),
        },
        PlannedEnd::None if state.iteration_state() == IterationState::Running => {
            Some(Ending::Hang(edges_run()))
        }
        // Killed while it waited for its next input.
        PlannedEnd::None => None,
    };
    ending.into_iter().for_each(|ending| history::save(place, ending, &state.crash_site));
}

/// Returns a hash of the edges that the last iteration has run.
fn edges_run() -> u64 {
    let coverage = afl::instrumentation().map_or(&[][..], |instrumentation| instrumentation.coverage());
    let run = coverage.iter().enumerate().filter(|(_, hits)| **hits != 0);
    run.fold(fnv::EMPTY, |hash, (edge, _)| fnv::extend(hash, &edge.to_le_bytes()))
}
