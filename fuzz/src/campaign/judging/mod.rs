//! Judging of a campaign's answers (`sockfuzz fuzz --findings`). A process beside afl-fuzz plays each input that the instances
//! put into their queues, in a warm server of its own. So the loop stays as fast as it is, and what a rule forbids restarts no
//! process. An input of no queue has reached nothing new, and is not judged.
//!
//! An answer is a finding only after the plain server has given it, too, over TCP and without the sandbox: a status 500
//! because a file cannot be written may be the sandbox's doing. Each fault of an operation is saved once.

mod judged_inputs;
mod queue_judge;
mod settings;

pub use queue_judge::{JudgeCounts, KEY, QueueJudge, confirm};
pub use settings::{DIRECTORY, judge_of, read, write};
