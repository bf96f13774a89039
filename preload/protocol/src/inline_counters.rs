//! Replacement of the calls that count edges, as the preload reports it.

use std::fmt;

/// What has become of the calls of the function that counts an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InlineCounters {
    /// Calls that were replaced by an instruction.
    pub replaced: u32,
    /// All calls.
    pub calls: u32,
    /// Why none was replaced.
    pub obstacle: Option<PatchObstacle>,
}

/// Reason for leaving all calls in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum PatchObstacle {
    /// The function does more than to count: NeverZero counters, selective coverage, or a runtime of somebody else's.
    OtherCounting = 1,
    /// There are no free addresses below 2 GiB for the counters.
    NoLowMemory = 2,
    /// A policy forbids code that was written (mprotect(2)).
    Policy = 3,
}

impl InlineCounters {
    pub(crate) fn to_words(self) -> [u32; 3] {
        [self.replaced, self.calls, self.obstacle.map_or(0, |obstacle| obstacle as u32)]
    }

    pub(crate) fn from_words([replaced, calls, obstacle]: [u32; 3]) -> Option<Self> {
        let obstacle = [PatchObstacle::OtherCounting, PatchObstacle::NoLowMemory, PatchObstacle::Policy]
            .into_iter()
            .find(|known| *known as u32 == obstacle);
        (calls > 0).then_some(Self { replaced, calls, obstacle })
    }
}

impl fmt::Display for InlineCounters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { replaced, calls, obstacle } = self;
        match obstacle {
            None => write!(f, "{replaced} of {calls} calls that count edges are replaced by an instruction"),
            Some(obstacle) => write!(f, "edges are counted by calls, which take more time: {obstacle}"),
        }
    }
}

impl fmt::Display for PatchObstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OtherCounting => {
                "the function that counts them does more than that (NeverZero, selective coverage)"
            }
            Self::NoLowMemory => "the server occupies the memory below 2 GiB that the counters need",
            Self::Policy => {
                "a policy of this machine forbids to change code in memory (SELinux, MemoryDenyWriteExecute)"
            }
        })
    }
}
