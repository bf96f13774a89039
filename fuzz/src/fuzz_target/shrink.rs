//! Smaller and plainer crashes: an input without what its crash does not need. It counts as the same crash if the process
//! ends by the same signal at the same place.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::fuzz_target::target_server::TargetServer;
use crate::server::loop_run::{InputEnd, ProcessRunner};
use crate::triage::reduction;
use crate::util::problem::Problem;

/// Bytes that replace others, the first that keeps the crash.
const PLAIN_BYTES: [u8; 2] = [b' ', 0xff];

/// Crash of a fresh process in the loop.
#[derive(Debug)]
pub struct Shrinker<'a> {
    target: &'a TargetServer,
    runner: ProcessRunner<'a>,
    /// The end and the name of the finding, with its place.
    crash: (InputEnd, Option<String>),
    deadline: Option<Instant>,
}

impl<'a> Shrinker<'a> {
    /// Plays the crash.
    ///
    /// # Errors
    /// When the input does not crash, or the server cannot be used.
    pub fn new(
        target: &'a TargetServer,
        input: &[u8],
        timeout: Duration,
        deadline: Option<Instant>,
    ) -> Result<Self> {
        let mut runner = ProcessRunner::new(target.config(timeout))?;
        let crash = play(&mut runner, input)?;
        if crash.0 == InputEnd::Answered {
            let what = "the input did not crash the server";
            return Err(Problem::failed(what, "a crash may need earlier inputs: see sockfuzz triage").into());
        }
        Ok(Self { target, runner, crash, deadline })
    }

    /// Returns the input without steps and bytes that the crash does not need. At the deadline, the shortest so far.
    ///
    /// # Errors
    /// When the server cannot be used, or the user interrupts.
    pub fn minimize(&mut self, input: &[u8]) -> Result<Vec<u8>> {
        let format = self.target.options().parsed().input;
        let deadline = self.deadline.unwrap_or_else(far_future);
        let same = |inputs: &[Vec<u8>]| self.is_same(&inputs.concat());
        let mut left = reduction::needed_bytes(vec![input.to_vec()], format, deadline, same)?;
        Ok(left.pop().unwrap_or_default())
    }

    /// Returns the input with plain bytes where the crash does not need others.
    ///
    /// # Errors
    /// When the server cannot be used, or the user interrupts.
    pub fn cleanse(&mut self, input: &[u8]) -> Result<Vec<u8>> {
        let mut cleansed = input.to_vec();
        for at in 0..input.len() {
            if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                break;
            }
            let before = cleansed[at];
            for plain in PLAIN_BYTES.into_iter().take_while(|plain| *plain != before) {
                cleansed[at] = plain;
                if self.is_same(&cleansed)? {
                    break;
                }
                cleansed[at] = before;
            }
        }
        Ok(cleansed)
    }

    fn is_same(&mut self, input: &[u8]) -> Result<bool> {
        Ok(play(&mut self.runner, input)? == self.crash)
    }
}

fn play(runner: &mut ProcessRunner<'_>, input: &[u8]) -> Result<(InputEnd, Option<String>)> {
    let run = runner.play(&[input.to_vec()])?;
    Ok((run.end, run.finding))
}

fn far_future() -> Instant {
    Instant::now() + Duration::from_secs(86_400)
}
