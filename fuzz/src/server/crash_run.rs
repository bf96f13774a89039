//! Runs that look for the stack of a crash that several inputs cause together.

use anyhow::Result;
use sockfuzz_protocol::batch;

use crate::server::batch_run::batch_options;
use crate::server::crash_stack::RecordedCrash;
use crate::server::running::WaitOutcome;
use crate::server::single_run::{RunConfig, RunningServer};

impl RunConfig<'_> {
    /// Runs the inputs one after the other in one process, through the preload, and returns its crash; `None` if there is
    /// none, or if the process has not recorded it.
    ///
    /// # Errors
    /// The errors of [`Self::run`].
    pub fn recorded_crash(&self, inputs: &[Vec<u8>]) -> Result<Option<RecordedCrash>> {
        if let [input] = inputs {
            return Ok(self.run(input)?.crash);
        }
        let options = batch_options(self.options);
        let config = RunConfig { options: &options, ..*self };
        let RunningServer { mut running, status, crashes, .. } =
            config.start(&batch::encode(inputs.iter().map(Vec::as_slice)))?;
        Ok(match config.wait_for_inputs(&mut running, &status, &|| ())? {
            WaitOutcome::Ended(end) => RecordedCrash::of_end(&crashes, end)?,
            WaitOutcome::Done | WaitOutcome::TimedOut => None,
        })
    }
}
