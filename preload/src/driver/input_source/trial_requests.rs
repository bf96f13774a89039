//! Requests of the trial of transport `memory`. The client sends the warm-up requests in rounds, first through
//! `memory`, then through `unix`.

use super::warm_up::REQUESTS;
use crate::memory_socket;
use crate::sys::answer_digest;
use crate::transport_trial::{self, Verdict};

/// Rounds through each transport. The first one lets the server initialise what it needs later.
const ROUNDS_EACH: usize = 2;

const ROUNDS: usize = 2 * ROUNDS_EACH;

/// Round whose answers through `memory` are compared.
const MEMORY_ROUND: usize = ROUNDS_EACH - 1;

/// Position in the rounds, and the digests of the answers.
#[derive(Debug)]
pub(super) struct TrialRequests {
    begun: usize,
    digests: [[u64; REQUESTS.len()]; ROUNDS],
}

impl TrialRequests {
    pub(super) const fn new() -> Self {
        Self { begun: 0, digests: [[0; REQUESTS.len()]; ROUNDS] }
    }

    /// Records the answer to the previous request, and goes on to the next one. Ends the process after the last
    /// request, or if the server has fallen back from `memory`.
    pub(super) fn begin(&mut self) {
        let digest = answer_digest::take();
        if let Some(before) = self.begun.checked_sub(1) {
            self.digests[before / REQUESTS.len()][before % REQUESTS.len()] = digest;
        }
        let round = self.begun / REQUESTS.len();
        if round <= MEMORY_ROUND && !memory_socket::is_active() {
            transport_trial::conclude(None);
        }
        if round == ROUNDS {
            transport_trial::conclude(Some(verdict(&self.digests)));
        }
        if self.begun == ROUNDS_EACH * REQUESTS.len() {
            memory_socket::switch_to_unix();
        }
        self.begun += 1;
    }

    /// Returns the current request.
    pub(super) fn request(&self) -> &'static [u8] {
        REQUESTS[(self.begun - 1) % REQUESTS.len()]
    }
}

/// Compares the last round through `memory` with the first one through `unix`. A request whose answers also vary
/// through `unix` is ignored.
fn verdict<const N: usize>(digests: &[[u64; N]; ROUNDS]) -> Verdict {
    let differs = |request: usize| {
        let [memory, unix, again] = [0, 1, 2].map(|after| digests[MEMORY_ROUND + after][request]);
        memory != unix && unix == again
    };
    match (0..N).any(differs) {
        true => Verdict::Different,
        false => Verdict::Equal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_constant_answer_can_differ() {
        assert_eq!(verdict(&[[0], [1], [1], [1]]), Verdict::Equal, "the first round is not compared");
        assert_eq!(verdict(&[[1], [1], [2], [2]]), Verdict::Different);
        assert_eq!(verdict(&[[1], [2], [3], [4]]), Verdict::Equal, "a counter");
        assert_eq!(verdict(&[[1, 1], [1, 1], [1, 2], [1, 2]]), Verdict::Different, "any request");
    }
}
