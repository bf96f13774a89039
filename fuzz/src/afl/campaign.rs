//! The afl-fuzz instances while they run: started together, watched, and stopped together in the
//! way that leaves their directories resumable.

use std::fs::{self, File};
use std::io::{self, IsTerminal, Read, Write};
use std::process::{Child, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use indicatif::ProgressBar;
use rustix::process::{Pid, Signal, kill_process};

use crate::afl::failure;
use crate::afl::instance::Instance;
use crate::afl::output_dir::OutputDir;
use crate::afl::report;
use crate::afl::stats::Stats;
use crate::interrupt::{self, Interrupted};
use crate::server::diagnose::ending;
use crate::server::process_tree;

/// How often the instances are looked at.
const TICK: Duration = Duration::from_millis(50);
/// How often the live line changes on a terminal, and is repeated without one.
const REFRESH: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];
/// How long afl-fuzz may take to write its state after SIGINT.
const PATIENCE: Duration = Duration::from_secs(20);
/// How much of afl-fuzz's output is kept for a message.
const KEPT: usize = 64 << 10;

/// How a campaign came to its end, when nothing failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// afl-fuzz reached a limit that it was given.
    Complete,
    /// The user stopped it.
    Interrupted(Interrupted),
}

/// Where the output of afl-fuzz goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Display {
    /// To the terminal, with its status screen.
    StatusScreen,
    /// Through us to stdout.
    Lines,
    /// To a log for each instance, while one line sums up.
    Logs,
}

/// The started instances. Dropping them ends everything below this process.
struct Campaign<'a> {
    out: &'a OutputDir,
    members: Vec<Member<'a>>,
}

struct Member<'a> {
    instance: &'a Instance,
    child: Child,
    output: Output,
}

/// Where an instance's output goes.
enum Output {
    /// The terminal, with the status screen.
    Terminal,
    /// Through us, and the last of it kept.
    Shown(JoinHandle<Vec<u8>>),
    /// Its log.
    Log,
}

/// Runs the instances to their end.
///
/// # Errors
/// When one of them cannot be started, or stops with an error.
pub fn run(instances: &[Instance], out: &OutputDir, display: Display) -> Result<Ending> {
    let mut campaign = Campaign { out, members: Vec::new() };
    for instance in instances {
        campaign.members.push(start(instance, out, display)?);
    }
    let live = (display == Display::Logs).then(LiveLine::new);
    let outcome = campaign.watch(live.as_ref());
    campaign.stop();
    if let Some(live) = live {
        live.bar.finish_and_clear();
    }
    match outcome {
        Ok(()) => Ok(Ending::Complete),
        Err(Stopped::Interrupted(signal)) => Ok(Ending::Interrupted(signal)),
        Err(Stopped::Failed(index, status)) => Err(campaign.failure(index, status)),
        Err(Stopped::Unwatchable(error)) => Err(error.into()),
    }
}

/// Why watching stopped before every instance had ended well.
enum Stopped {
    Interrupted(Interrupted),
    Failed(usize, ExitStatus),
    Unwatchable(io::Error),
}

fn start<'a>(instance: &'a Instance, out: &OutputDir, display: Display) -> Result<Member<'a>> {
    let mut command = instance.command();
    command.stdin(Stdio::null());
    let output = match display {
        Display::StatusScreen => Output::Terminal,
        Display::Lines => {
            let (ours, theirs) = io::pipe()?;
            command.stdout(theirs.try_clone()?).stderr(theirs);
            Output::Shown(thread::spawn(move || show(ours)))
        }
        Display::Logs => {
            let log = File::create(out.log(&instance.name))?;
            command.stdout(log.try_clone()?).stderr(log);
            Output::Log
        }
    };
    let child = command.spawn().with_context(|| format!("cannot start {}", instance.shown()))?;
    Ok(Member { instance, child, output })
}

/// Copies to stdout, and keeps the end.
fn show(mut from: impl Read) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let mut to = io::stdout().lock();
        // Nobody to show it to is no reason to stop fuzzing.
        let _ = to.write_all(&buffer[..count]).and_then(|()| to.flush());
        kept.extend_from_slice(&buffer[..count]);
        let surplus = kept.len().saturating_sub(KEPT);
        kept.drain(..surplus);
    }
    kept
}

impl Campaign<'_> {
    fn watch(&mut self, live: Option<&LiveLine>) -> Result<(), Stopped> {
        let mut last_line = Instant::now();
        loop {
            interrupt::check().map_err(Stopped::Interrupted)?;
            let mut running = false;
            for (index, member) in self.members.iter_mut().enumerate() {
                match member.child.try_wait().map_err(Stopped::Unwatchable)? {
                    None => running = true,
                    Some(status) if status.success() => {}
                    Some(status) => {
                        // Ctrl-C reaches cargo-afl in the same moment as us.
                        thread::sleep(TICK);
                        interrupt::check().map_err(Stopped::Interrupted)?;
                        return Err(Stopped::Failed(index, status));
                    }
                }
            }
            if !running {
                return Ok(());
            }
            if let Some(live) = live
                && last_line.elapsed() >= live.refresh
            {
                last_line = Instant::now();
                live.show(&self.stats());
            }
            thread::sleep(TICK);
        }
    }

    fn stats(&self) -> Vec<Stats> {
        let read = |member: &Member| Stats::read(&self.out.instance(&member.instance.name));
        self.members.iter().filter_map(read).collect()
    }

    /// Asks every afl-fuzz to write its state, waits for that, and ends what is left.
    fn stop(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        let mut asked = Vec::new();
        loop {
            let fuzzers: Vec<_> = process_tree::own_descendants()
                .into_iter()
                .filter(|stat| stat.comm == "afl-fuzz")
                .filter_map(|stat| Pid::from_raw(stat.pid))
                .collect();
            if fuzzers.is_empty() || Instant::now() > deadline {
                break;
            }
            for pid in fuzzers {
                if !asked.contains(&pid) {
                    // It may have ended meanwhile: that is what we want.
                    let _ = kill_process(pid, Signal::INT);
                    asked.push(pid);
                }
            }
            thread::sleep(TICK);
        }
        process_tree::end_descendants();
    }

    fn failure(&mut self, index: usize, status: ExitStatus) -> anyhow::Error {
        let member = self.members.swap_remove(index);
        let name = &member.instance.name;
        let (output, shown) = match member.output {
            Output::Terminal => (None, true),
            Output::Shown(kept) => (kept.join().ok(), true),
            Output::Log => (fs::read(self.out.log(name)).ok(), false),
        };
        failure::problem(name, &output.unwrap_or_default(), shown, &ending(status)).into()
    }
}

impl Drop for Campaign<'_> {
    fn drop(&mut self) {
        process_tree::end_descendants();
    }
}

/// One line for all instances: rewritten on a terminal, repeated now and then without one.
struct LiveLine {
    bar: ProgressBar,
    refresh: Duration,
}

impl LiveLine {
    fn new() -> Self {
        let [often, seldom] = REFRESH;
        if io::stderr().is_terminal() {
            Self { bar: ProgressBar::new_spinner().with_message("starting …"), refresh: often }
        } else {
            Self { bar: ProgressBar::hidden(), refresh: seldom }
        }
    }

    fn show(&self, all: &[Stats]) {
        let Some(together) = Stats::together(all) else {
            return;
        };
        let line = format!("{} running: {}", all.len(), report::live_line(&together));
        if self.bar.is_hidden() {
            eprintln!("sockfuzz: {line}");
        } else {
            self.bar.set_message(line);
            self.bar.tick();
        }
    }
}
