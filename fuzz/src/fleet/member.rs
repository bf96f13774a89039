//! Member of a fleet: a host, its last known state, and the warnings that were already printed about it.

use anyhow::Result;
use indicatif::HumanCount;

use super::bundle_dir::BundleDir;
use super::config::{FleetConfig, FleetHost};
use super::connection::{HostConnection, Unreachable};
use super::external::OnInterrupt;
use super::host_state::{HostState, RunState};
use super::hub::HubDir;
use super::pool::ExchangePool;
use super::remote;
use super::rsync_stats::TransferStats;
use super::transfer;
use crate::campaign::stats::FuzzerStats;
use crate::note;
use crate::util::interrupt::Interrupted;
use crate::util::printable::counted;

/// Number of starts in a row that may fail before a host is given up.
const MAX_FAILED_STARTS: u32 = 3;

/// Host of a fleet.
#[derive(Debug)]
pub struct FleetMember<'a> {
    config: &'a FleetConfig,
    host: &'a FleetHost,
    /// Last state that is known.
    pub state: Option<HostState>,
    /// Why it could not be reached at the last attempt.
    pub unreachable: Option<String>,
    /// Last problem that was reported, which is not repeated.
    problem: Option<String>,
    /// Number of starts since it last executed something.
    failed_starts: u32,
    /// Number of its executions at the last start.
    executions: u64,
}

impl<'a> FleetMember<'a> {
    /// Creates a member of which nothing is known.
    #[must_use]
    pub fn new(config: &'a FleetConfig, host: &'a FleetHost) -> Self {
        Self { config, host, state: None, unreachable: None, problem: None, failed_starts: 0, executions: 0 }
    }

    /// Returns the host.
    #[must_use]
    pub fn host(&self) -> &'a FleetHost {
        self.host
    }

    /// Returns a connection to the host.
    #[must_use]
    pub fn connection(&self, on_interrupt: OnInterrupt) -> HostConnection<'a> {
        HostConnection { host: self.host, bandwidth_kib_s: self.config.bandwidth_kib_s, on_interrupt }
    }

    /// Returns a row of a table: name, state, instances, executions, executions per second, edges, corpus, crashes, hangs.
    #[must_use]
    pub fn cells(&self) -> [String; 9] {
        let state = match (&self.unreachable, &self.state) {
            (Some(_), _) => "unreachable".to_owned(),
            (None, Some(state)) => state.run.to_string(),
            (None, None) => "unknown".to_owned(),
        };
        let stats = self.state.as_ref().and_then(HostState::together);
        let figure = |value: fn(&FuzzerStats) -> u64| {
            stats.as_ref().map(value).map_or_else(String::new, |count| HumanCount(count).to_string())
        };
        [
            self.host.name.to_string(),
            state,
            self.state.as_ref().map_or(0, |state| state.stats.len()).to_string(),
            figure(|it| it.executions),
            figure(|it| it.per_second.round() as u64),
            figure(|it| it.edges),
            figure(|it| it.corpus),
            figure(|it| it.crashes),
            figure(|it| it.hangs),
        ]
    }

    /// Does `work` for the host. A host that cannot be reached is reported once, and when it is back; so is another problem.
    /// Returns `None` for both.
    ///
    /// # Errors
    /// When the user interrupts.
    pub fn attempt<Output>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<Output>,
    ) -> Result<Option<Output>, Interrupted> {
        let name = &self.host.name;
        match work(self) {
            Ok(output) => {
                if self.unreachable.take().is_some() {
                    note!("host {name}: back");
                }
                Ok(Some(output))
            }
            Err(error) => {
                if let Some(interrupted) = error.downcast_ref::<Interrupted>() {
                    return Err(*interrupted);
                }
                if let Some(Unreachable(why)) = error.downcast_ref() {
                    if self.unreachable.is_none() {
                        eprintln!("sockfuzz: WARNING: host {name} is unreachable: {why}");
                    }
                    self.unreachable = Some(why.clone());
                } else {
                    let text = format!("{error:#}");
                    if self.problem.as_ref() != Some(&text) {
                        eprintln!("sockfuzz: WARNING: {text}");
                    }
                    self.problem = Some(text);
                }
                Ok(None)
            }
        }
    }

    /// Looks at the host.
    ///
    /// # Errors
    /// A host that cannot be reached or used.
    pub fn look(&mut self, on_interrupt: OnInterrupt) -> Result<HostState> {
        let state = remote::state(&self.connection(on_interrupt))?;
        if state.together().is_some_and(|stats| stats.executions > self.executions) {
            self.failed_starts = 0;
        }
        self.state = Some(state.clone());
        Ok(state)
    }

    /// Copies the bundle and starts the host, or continues it. A host that runs is left alone.
    ///
    /// # Errors
    /// A host that cannot be reached or used.
    pub fn start(&mut self, bundle: &BundleDir, hub: &HubDir) -> Result<()> {
        let name = &self.host.name;
        let connection = self.connection(OnInterrupt::End);
        let state = self.look(OnInterrupt::End)?;
        if state.run == RunState::Running {
            note!("host {name}: runs already");
            return Ok(());
        }
        remote::check(&connection, &state, bundle)?;
        if let Some(cores) = state.cores.filter(|cores| *cores < self.host.jobs) {
            note!("host {name}: it has {cores} processors for {} jobs", self.host.jobs);
        }
        let copied = transfer::copy_bundle(&connection, bundle)?;
        if copied.files > 0 {
            note!("host {name}: bundle copied ({} files, {})", copied.files, bytes(copied.sent));
        }
        if !state.has_output && hub.can_restore(name) {
            transfer::restore(&connection, hub.path(), &hub.records(name))?;
            note!("host {name}: had lost its output directory, and gets what was collected");
        }
        self.executions = state.together().map_or(0, |stats| stats.executions);
        remote::start(&connection, self.config)?;
        let state = remote::wait_for_figures(&connection)?;
        note!("host {name}: {}", figures(&state));
        self.state = Some(state);
        Ok(())
    }

    /// Looks at the host, and continues it if it should run and does not.
    ///
    /// # Errors
    /// A host that cannot be reached or used.
    pub fn keep_running(&mut self, bundle: &BundleDir, hub: &HubDir) -> Result<()> {
        let name = &self.host.name;
        let state = self.look(OnInterrupt::End)?;
        match state.run {
            RunState::Running | RunState::Stopped | RunState::Ended(Some(0)) => return Ok(()),
            RunState::New => {}
            RunState::Ended(_) if self.failed_starts >= MAX_FAILED_STARTS => {
                let problem = remote::ended(&self.connection(OnInterrupt::End), &state);
                return Err(problem
                    .with_cause("It is not started again", "correct the cause, then: sockfuzz sync start")
                    .into());
            }
            RunState::Ended(_) => note!("host {name}: sockfuzz fuzz {}; it is started again", state.run),
        }
        self.failed_starts += 1;
        self.start(bundle, hub)
    }

    /// Collects what the host has found.
    ///
    /// # Errors
    /// A host that cannot be reached, or a copy that fails.
    pub fn collect(&self, hub: &HubDir, on_interrupt: OnInterrupt) -> Result<TransferStats> {
        let Some(state) = self.state.as_ref().filter(|state| state.has_output || !state.stats.is_empty())
        else {
            return Ok(TransferStats::default());
        };
        let name = &self.host.name;
        let stats = transfer::collect(&self.connection(on_interrupt), hub.path(), &hub.records(name))?;
        hub.note_directory(name, &state.directory)?;
        Ok(stats)
    }

    /// Sends the host what others have found and it does not have.
    ///
    /// # Errors
    /// A host that cannot be reached, or a copy that fails.
    pub fn distribute(&self, pool: &ExchangePool) -> Result<TransferStats> {
        // Before its first start, a foreign directory would keep it from starting.
        let Some(state) = self.state.as_ref().filter(|state| state.has_output) else {
            return Ok(TransferStats::default());
        };
        transfer::distribute(&self.connection(OnInterrupt::End), pool, state.fleet_files)
    }
}

/// Describes a host in one line.
#[must_use]
pub fn figures(state: &HostState) -> String {
    let Some(stats) = state.together() else { return format!("{}, no figures yet", state.run) };
    format!(
        "{}, {} executions, {:.0}/s, {} edges, corpus {}, {}, {}",
        state.run,
        HumanCount(stats.executions),
        stats.per_second,
        HumanCount(stats.edges),
        HumanCount(stats.corpus),
        counted(stats.crashes, "crash", "crashes"),
        counted(stats.hangs, "hang", "hangs"),
    )
}

/// Returns an amount of bytes as text.
#[must_use]
pub fn bytes(count: u64) -> String {
    indicatif::HumanBytes(count).to_string()
}
