//! Runner of the instances of afl-fuzz: starts them together, watches them, and stops them together so that
//! their directories can be resumed.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::process::{Child, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anstream::StripStream;
use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};

use crate::campaign::answer_counts::AnswerCounts;
use crate::campaign::control_group::ControlGroup;
use crate::campaign::failure;
use crate::campaign::findings;
use crate::campaign::guard::{Guard, SHUTDOWN_TIMEOUT};
use crate::campaign::instance::Instance;
use crate::campaign::live_line::{LiveFigures, LiveLine};
use crate::campaign::output_dir::OutputDir;
use crate::campaign::output_mode::OutputMode;
use crate::campaign::progress::ProgressLog;
use crate::campaign::shared_memory;
use crate::campaign::stats::FuzzerStats;
use crate::campaign::stop_watch::{ReachedLimit, StopWatch};
use crate::server::diagnose::describe_exit;
use crate::server::process_tree;
use crate::server::status_file::StatusFile;
use crate::util::interrupt::{self, Interrupted};

/// Interval of polling the instances.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// Interval at which the campaign saves the status page and lists the processes of afl-fuzz.
const SAVE_INTERVAL: Duration = Duration::from_secs(2);
/// Free space below which the disk counts as full. It is larger than any input.
const MIN_ROOM_BYTES: u64 = 2 << 20;
/// Maximum number of bytes of afl-fuzz's output that are kept for a message.
const MAX_KEPT_BYTES: usize = 64 << 10;

/// Context of an error when writing to the guard.
const GUARD_ENDED: &str = "the guard of the campaign has ended";

/// How a campaign ended without a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CampaignEnd {
    /// afl-fuzz reached a limit that it was given.
    Complete,
    /// It was stopped because a condition was met.
    Reached(ReachedLimit),
    /// The user stopped it.
    Interrupted(Interrupted),
}

/// The started instances. Dropping them kills all descendants of this process.
struct RunningCampaign<'a> {
    out: &'a OutputDir,
    members: Vec<RunningInstance<'a>>,
    /// Process ids of all instances of afl-fuzz found so far.
    fuzzers: BTreeSet<i32>,
}

struct RunningInstance<'a> {
    instance: &'a Instance,
    child: Child,
    output: InstanceOutput,
}

/// Destination of the output of one instance.
enum InstanceOutput {
    /// The terminal, with the status screen.
    Terminal,
    /// Stdout, copied by a thread of sockfuzz, which returns the last bytes.
    Shown(JoinHandle<Vec<u8>>),
    /// The log of the instance.
    Log,
}

/// Runs the instances to their end or until a condition of the watch is met, in `group` if there is one, and saves the
/// status page periodically.
///
/// # Errors
/// When one of them cannot be started, or stops with an error.
pub fn run(
    instances: &[Instance],
    out: &OutputDir,
    output_mode: OutputMode,
    status: &StatusFile,
    group: Option<&ControlGroup>,
    stop_watch: Option<&mut StopWatch<'_>>,
) -> Result<CampaignEnd> {
    let mut campaign = RunningCampaign { out, members: Vec::new(), fuzzers: BTreeSet::new() };
    let mut guard = Guard::start().context("cannot start the guard of the campaign")?;
    if let Some(group) = group {
        guard.remove(group).context(GUARD_ENDED)?;
    }
    for instance in instances {
        let member = start(instance, out, output_mode, group)?;
        guard.watch(member.child.id()).context(GUARD_ENDED)?;
        campaign.members.push(member);
    }
    let live = (output_mode == OutputMode::Logs).then(LiveLine::start);
    let result = campaign.watch(live.as_ref(), status, stop_watch);
    campaign.stop();
    if let Some(live) = live {
        live.clear();
    }
    match result {
        Ok(()) => Ok(CampaignEnd::Complete),
        Err(StopReason::Reached(limit)) => Ok(CampaignEnd::Reached(limit)),
        Err(StopReason::Interrupted(signal)) => Ok(CampaignEnd::Interrupted(signal)),
        Err(StopReason::Failed(index, status)) => Err(campaign.failure(index, status)),
        Err(StopReason::Unwatchable(error)) => Err(error.into()),
    }
}

/// Reason why watching ended before every instance had succeeded.
enum StopReason {
    Reached(ReachedLimit),
    Interrupted(Interrupted),
    Failed(usize, ExitStatus),
    Unwatchable(io::Error),
}

fn start<'a>(
    instance: &'a Instance,
    out: &OutputDir,
    output_mode: OutputMode,
    group: Option<&ControlGroup>,
) -> Result<RunningInstance<'a>> {
    let mut command = instance.command();
    command.stdin(Stdio::null());
    if let Some(group) = group {
        group.start_inside(&mut command).context("cannot start afl-fuzz in a control group")?;
    }
    let output = match output_mode {
        OutputMode::StatusScreen => InstanceOutput::Terminal,
        OutputMode::Lines => {
            let (ours, theirs) = io::pipe()?;
            command.stdout(theirs.try_clone()?).stderr(theirs);
            InstanceOutput::Shown(thread::spawn(move || show(ours)))
        }
        OutputMode::Logs => {
            let log = File::create(out.log(&instance.name))?;
            command.stdout(log.try_clone()?).stderr(log);
            InstanceOutput::Log
        }
    };
    let child = command.spawn().with_context(|| format!("cannot start {}", instance.command_line()))?;
    Ok(RunningInstance { instance, child, output })
}

/// Returns the process ids of the instances of afl-fuzz below this process.
fn running_fuzzers() -> impl Iterator<Item = i32> {
    let all = process_tree::own_descendants().into_iter();
    all.filter(|stat| stat.comm == "afl-fuzz").map(|stat| stat.pid)
}

/// Asks all instances of afl-fuzz below this process to save their state and end, as Ctrl-C does.
pub fn ask_to_end() {
    for pid in running_fuzzers() {
        // The process may have ended already.
        let _ = Pid::from_raw(pid).map(|pid| kill_process(pid, Signal::INT));
    }
}

/// Copies `from` to stdout, without the colours that afl-fuzz prints in any case, and returns the last bytes.
fn show(mut from: impl Read) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut buffer = [0; 4096];
    let mut to = StripStream::new(io::stdout());
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        // Fuzzing continues when stdout is closed.
        let _ = to.write_all(&buffer[..count]).and_then(|()| to.flush());
        kept.extend_from_slice(&buffer[..count]);
        let surplus = kept.len().saturating_sub(MAX_KEPT_BYTES);
        kept.drain(..surplus);
    }
    kept
}

impl RunningCampaign<'_> {
    fn watch(
        &mut self,
        live: Option<&LiveLine>,
        status: &StatusFile,
        mut stop_watch: Option<&mut StopWatch<'_>>,
    ) -> Result<(), StopReason> {
        let mut last_line = Instant::now();
        let mut last_save = Instant::now();
        let mut progress = ProgressLog::open(self.out.path());
        loop {
            interrupt::check().map_err(StopReason::Interrupted)?;
            let mut running = false;
            for (index, member) in self.members.iter_mut().enumerate() {
                match member.child.try_wait().map_err(StopReason::Unwatchable)? {
                    None => running = true,
                    Some(status) if status.success() => {}
                    Some(status) => {
                        // Ctrl-C reaches cargo-afl at the same time as sockfuzz.
                        thread::sleep(POLL_INTERVAL);
                        interrupt::check().map_err(StopReason::Interrupted)?;
                        return Err(StopReason::Failed(index, status));
                    }
                }
            }
            if !running {
                return Ok(());
            }
            let names = self.members.iter().map(|member| member.instance.name.as_str());
            if let Some(limit) = stop_watch.as_mut().and_then(|watch| watch.reached(self.out, names)) {
                return Err(StopReason::Reached(limit));
            }
            if let Some(live) = live
                && last_line.elapsed() >= live.interval()
            {
                last_line = Instant::now();
                live.show(&self.figures(status));
            }
            if last_save.elapsed() >= SAVE_INTERVAL {
                last_save = Instant::now();
                self.fuzzers.extend(running_fuzzers());
                // Errors, for example of a full disk, are ignored: the next attempt follows soon.
                let _ = status.save();
                if let Some(progress) = &mut progress {
                    self.stats().for_each(|(name, stats)| progress.record(&name, &stats));
                }
            }
            thread::sleep(POLL_INTERVAL);
        }
    }

    /// Names and figures of the instances that have reported.
    fn stats(&self) -> impl Iterator<Item = (String, FuzzerStats)> {
        self.members.iter().filter_map(|member| {
            let name = member.instance.name.clone();
            let stats = FuzzerStats::read(&self.out.instance(&name))?;
            Some((name, stats))
        })
    }

    fn figures(&self, status: &StatusFile) -> LiveFigures {
        LiveFigures {
            instances: self.stats().collect(),
            answers: AnswerCounts::read(status),
            causes: findings::causes(self.out.path()),
        }
    }

    /// Interrupts all instances of afl-fuzz, waits until they have written their state, and kills those that remain.
    fn stop(&mut self) {
        let deadline = Instant::now() + SHUTDOWN_TIMEOUT;
        let mut asked = Vec::new();
        loop {
            let fuzzers: Vec<_> = running_fuzzers().collect();
            self.fuzzers.extend(&fuzzers);
            if fuzzers.is_empty() || Instant::now() > deadline {
                break;
            }
            for pid in fuzzers {
                if !asked.contains(&pid) {
                    // The process may have ended already.
                    let _ = Pid::from_raw(pid).map(|pid| kill_process(pid, Signal::INT));
                    asked.push(pid);
                }
            }
            thread::sleep(POLL_INTERVAL);
        }
        process_tree::kill_descendants();
        shared_memory::remove_left_behind(&self.fuzzers);
    }

    fn failure(&mut self, index: usize, status: ExitStatus) -> anyhow::Error {
        let member = self.members.swap_remove(index);
        let name = &member.instance.name;
        let (output, shown) = match member.output {
            InstanceOutput::Terminal => (None, true),
            InstanceOutput::Shown(kept) => (kept.join().ok(), true),
            InstanceOutput::Log => (fs::read(self.out.log(name)).ok(), false),
        };
        if let Some(room) = self.out.room().filter(|room| *room < MIN_ROOM_BYTES) {
            return failure::disk_full(self.out.path(), room).into();
        }
        failure::problem(name, &output.unwrap_or_default(), shown, &describe_exit(status)).into()
    }
}

impl Drop for RunningCampaign<'_> {
    fn drop(&mut self) {
        process_tree::kill_descendants();
    }
}
