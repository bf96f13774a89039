//! Loop run: inputs for a server in the loop, as afl-fuzz would send them: the same process answers one after the other,
//! by the same clock and with the same randomness as in a campaign. This is the forkserver's client without afl-fuzz.

mod channel;
mod process_run;
mod segment;

use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use sockfuzz_protocol::{Counter, Mode, Switch, specs};

pub use self::process_run::{ProcessRun, ProcessRunner};

use self::channel::{Channel, Word, after};
use self::segment::SharedSegment;
use crate::input::corpus::MAX_INPUT_BYTES;
use crate::options::PreloadOptions;
use crate::server::running::RunningProcess;
use crate::server::sanitizers;
use crate::server::single_run::RunConfig;
use crate::server::status_file::StatusFile;
use crate::util::affinity::PinnedThread;
use crate::util::memory_file::MemoryFile;
use crate::util::problem::Problem;

/// Size of the coverage map, in bytes: that of afl-fuzz's first attempt, which is larger than the map of any server.
const MAP_BYTES: usize = 8 << 20;

/// Bytes of an input's length, before the input.
const LENGTH: usize = size_of::<u32>();

/// Time that a process has to start.
const START_TIMEOUT: Duration = Duration::from_secs(15);

/// Time in which the forkserver reports the end of a process that was killed.
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// Effect of one input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputEnd {
    /// The server answered, and can take the next input.
    Answered,
    /// The process ended; another one takes the next input. An exit has [`sockfuzz_protocol::EXIT_SIGNAL`].
    Ended(ExitStatus),
    /// The process was killed at the time limit; another one takes the next input.
    TimedOut,
}

/// Server in the loop.
#[derive(Debug)]
pub struct LoopRun {
    channel: Channel,
    inputs: SharedSegment,
    coverage: SharedSegment,
    /// Bytes of the coverage map that the server uses.
    map_bytes: usize,
    status: StatusFile,
    output: MemoryFile,
    timeout: Duration,
    /// Process that waits for the next input.
    process: Option<Pid>,
    /// Whether the last process was killed.
    was_killed: bool,
    _running: RunningProcess,
}

impl RunConfig<'_> {
    /// Starts the server in the loop. No input is run again, and no process ends before it must.
    ///
    /// # Errors
    /// When the server cannot be started or is no forkserver, or the user interrupts.
    pub fn start_loop(&self) -> Result<LoopRun> {
        let options = loop_options(self.options);
        let status = StatusFile::in_memory()?;
        let output = MemoryFile::new(b"")?;
        let [inputs, coverage] = [LENGTH + MAX_INPUT_BYTES, MAP_BYTES].map(SharedSegment::new);
        let (inputs, coverage) = (inputs.context(NO_SEGMENT)?, coverage.context(NO_SEGMENT)?);
        let mut command = self.server.preloaded(self.library, &options, &status);
        command.envs(sanitizers::options());
        command.env("__AFL_SHM_ID", coverage.number()).env("AFL_MAP_SIZE", MAP_BYTES.to_string());
        command.env("__AFL_SHM_FUZZ_ID", inputs.number());
        command.env(specs::MODE.variable, Mode::Loop.to_string());
        command.stdin(Stdio::null()).stdout(output.stdio()?).stderr(output.stdio()?);
        let channel = Channel::open(&mut command)?;
        // As afl-fuzz does: on one core, the order of the server's threads varies least.
        let pinned = PinnedThread::to_current_core()?;
        let running = RunningProcess::start_in_background(command)?;
        drop(pinned);
        let mut run = LoopRun {
            channel,
            inputs,
            coverage,
            map_bytes: MAP_BYTES,
            status,
            output,
            timeout: self.timeout,
            process: None,
            was_killed: false,
            _running: running,
        };
        match run.channel.handshake(after(START_TIMEOUT))? {
            Some(bytes @ 1..MAP_BYTES) => run.map_bytes = bytes,
            Some(_) => {}
            None => return Err(run.not_started()?.into()),
        }
        [&run.inputs, &run.coverage].into_iter().for_each(SharedSegment::remove_late);
        Ok(run)
    }
}

const NO_SEGMENT: &str = "cannot create shared memory (shmget)";

impl LoopRun {
    /// Runs an input in the current process, or in a new one if that has ended.
    ///
    /// # Errors
    /// When the forkserver has ended, or the user interrupts.
    pub fn run(&mut self, input: &[u8]) -> Result<InputEnd> {
        let input = &input[..input.len().min(MAX_INPUT_BYTES)];
        self.inputs.write(0, &(input.len() as u32).to_ne_bytes());
        self.inputs.write(LENGTH, input);
        if !self.channel.send(u32::from(std::mem::take(&mut self.was_killed))) {
            return Err(self.not_started()?.into());
        }
        let Word::Received(pid) = self.channel.receive(after(START_TIMEOUT))? else {
            return Err(self.not_started()?.into());
        };
        self.process = i32::try_from(pid).ok().and_then(Pid::from_raw);
        let status = match self.channel.receive(after(self.timeout))? {
            Word::Late => {
                self.end_process();
                return match self.channel.receive(after(END_TIMEOUT))? {
                    Word::Received(_) => Ok(InputEnd::TimedOut),
                    Word::Late | Word::Closed => Err(self.not_started()?.into()),
                };
            }
            Word::Received(status) => ExitStatus::from_raw(status.cast_signed()),
            Word::Closed => return Err(self.not_started()?.into()),
        };
        if status.stopped_signal().is_some() {
            return Ok(InputEnd::Answered);
        }
        self.process = None;
        Ok(InputEnd::Ended(status))
    }

    /// Runs an input like [`Self::run`], and returns what it reached, too: how often each edge was passed, by its number.
    ///
    /// # Errors
    /// Those of [`Self::run`].
    pub fn run_with_coverage(&mut self, input: &[u8]) -> Result<(InputEnd, Vec<u8>)> {
        self.coverage.clear(self.map_bytes);
        let end = self.run(input)?;
        Ok((end, self.coverage.read(self.map_bytes)))
    }

    /// Returns the number of edges that the server has announced.
    #[must_use]
    pub fn map_bytes(&self) -> usize {
        self.map_bytes
    }

    /// Ends the process that waits for the next input, if there is one: that input gets a new process.
    pub fn end_process(&mut self) {
        if let Some(process) = self.process.take() {
            // It may have ended just now.
            let _ = kill_process(process, Signal::KILL);
            self.was_killed = true;
        }
    }

    /// Returns what the server has written to stdout and stderr.
    ///
    /// # Errors
    /// When the memory cannot be read.
    pub fn output(&self) -> Result<Vec<u8>> {
        Ok(self.output.content()?)
    }

    fn internal_errors(&self) -> u64 {
        self.status.count(Counter::InternalErrors)
    }

    fn not_started(&self) -> Result<Problem> {
        let output = self.output()?;
        let output = String::from_utf8_lossy(&output);
        let last = output.lines().last().map_or(String::new(), |line| format!(": {line}"));
        Ok(Problem::failed(
            format!("the server does not run in the loop{last}"),
            "try it with: sockfuzz check -- SERVER ARGS",
        ))
    }
}

/// Returns the options under which a process runs exactly the inputs that it gets.
fn loop_options(options: &PreloadOptions) -> PreloadOptions {
    options
        .with(specs::RERUN.variable, Switch::Off.to_string())
        .with(specs::SPARE.variable, Switch::Off.to_string())
        .with(specs::ITERATIONS.variable, u32::MAX.to_string())
}
