//! Server in the loop, with the coverage of its inputs: a process for thousands of them.

use std::time::Duration;

use anyhow::Result;

use crate::fuzz_target::target_server::TargetServer;
use crate::server::coverage_set::{CoverageSet, NewCoverage};
use crate::server::loop_run::{InputEnd, LoopRun};

/// Server in the loop.
#[derive(Debug)]
pub struct TargetLoop<'a> {
    target: &'a TargetServer,
    timeout: Duration,
    /// The server, unless it must not run beside another one now.
    running: Option<LoopRun>,
    /// What the inputs reached.
    pub coverage: CoverageSet,
    /// Number of inputs that ran.
    pub runs: u64,
}

impl<'a> TargetLoop<'a> {
    /// Starts the server.
    ///
    /// # Errors
    /// When it cannot be started, or does not run in the loop.
    pub fn start(target: &'a TargetServer, timeout: Duration) -> Result<Self> {
        let running = Some(target.config(timeout).start_loop()?);
        Ok(Self { target, timeout, running, coverage: CoverageSet::default(), runs: 0 })
    }

    /// Runs an input. What an input reached that ends the process or takes too long is not added.
    ///
    /// # Errors
    /// When the server does not run in the loop, or the user interrupts.
    pub fn run(&mut self, input: &[u8]) -> Result<(InputEnd, NewCoverage)> {
        let mut running = match self.running.take() {
            Some(running) => running,
            None => self.target.config(self.timeout).start_loop()?,
        };
        let (end, counts) = running.run_with_coverage(input)?;
        self.running = Some(running);
        self.runs += 1;
        let new = match end {
            InputEnd::Answered => self.coverage.add(&counts),
            InputEnd::Ended(_) | InputEnd::TimedOut => NewCoverage::default(),
        };
        Ok((end, new))
    }

    /// Returns the number of edges of the server.
    #[must_use]
    pub fn edges_of_server(&self) -> u64 {
        let of_file = self.target.inspection.edges.count;
        let of_map = || self.running.as_ref().map_or(0, |running| running.map_bytes() as u64);
        if of_file > 0 { of_file } else { of_map() }
    }

    /// Returns what the server has written since it was started.
    ///
    /// # Errors
    /// When the memory cannot be read.
    pub fn output(&self) -> Result<Vec<u8>> {
        self.running.as_ref().map_or(Ok(Vec::new()), LoopRun::output)
    }

    /// Ends the server until the next input. To be called before sockfuzz starts another one, at whose end all processes
    /// below sockfuzz end.
    pub fn pause(&mut self) {
        self.running = None;
    }
}
