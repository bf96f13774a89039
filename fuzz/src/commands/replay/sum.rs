//! Sum of a replay.

use crate::util::exit_code;
use crate::util::printable::counted;

/// Counts over all inputs that were replayed.
#[derive(Debug, Default)]
pub(super) struct ReplaySum {
    pub(super) inputs: usize,
    pub(super) failed: usize,
    pub(super) not_reproduced: usize,
}

impl ReplaySum {
    pub(super) fn report(&self) {
        let Self { inputs, failed, not_reproduced } = self;
        if *inputs > 1 {
            println!("{failed} of {inputs} inputs crashed or hung the server, or were answered wrongly");
        }
        if *not_reproduced > 0 {
            let findings = counted(*not_reproduced as u64, "finding", "findings");
            println!("{findings} not reproduced");
        }
    }

    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self { not_reproduced: 1.., .. } => exit_code::NOT_REPRODUCED,
            Self { failed: 1.., .. } => exit_code::CRASHED,
            _ => exit_code::OK,
        }
    }
}
