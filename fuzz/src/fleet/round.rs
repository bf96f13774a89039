//! Rounds over all hosts of a fleet.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use rustix::time::{ClockId, clock_gettime};

use super::bundle_dir::BundleDir;
use super::config::FleetConfig;
use super::crew::for_all;
use super::external::OnInterrupt;
use super::hub::HubDir;
use super::member::{self, FleetMember};
use super::moved;
use super::pool::ExchangePool;
use super::remote;
use super::rsync_stats::TransferStats;
use crate::note;
use crate::util::interrupt::{self, Interrupted};
use crate::util::printable::counted;

/// Longest interval between two looks at the hosts.
const MAX_LOOK_INTERVAL: Duration = Duration::from_secs(60);
/// Interval of checking for Ctrl-C.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Fleet, as this machine sees it.
#[derive(Debug)]
pub struct Fleet<'a> {
    config: &'a FleetConfig,
    hub: HubDir,
    members: Vec<FleetMember<'a>>,
}

/// Result of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExchangeResult {
    /// Hosts that took part.
    pub hosts: usize,
    /// New inputs in the pool.
    pub new_inputs: usize,
    /// What was transferred.
    pub stats: TransferStats,
    /// How long it took.
    pub duration: Duration,
}

impl<'a> Fleet<'a> {
    /// Opens the hub's directory.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn open(config: &'a FleetConfig) -> Result<Self> {
        let hub = HubDir::open(&config.output)?;
        let members = config.hosts.iter().map(|host| FleetMember::new(config, host)).collect();
        Ok(Self { config, hub, members })
    }

    /// Returns the hub's directory.
    #[must_use]
    pub fn output(&self) -> &'a Path {
        &self.config.output
    }

    /// Returns the members.
    #[must_use]
    pub fn members(&self) -> &[FleetMember<'a>] {
        &self.members
    }

    /// Starts all hosts, and returns the number of those that run.
    ///
    /// # Errors
    /// When the user interrupts.
    pub fn start(&mut self, bundle: &BundleDir) -> Result<usize> {
        let hub = &self.hub;
        let started = on_all(&mut self.members, |member| member.start(bundle, hub))?;
        Ok(started.into_iter().flatten().count())
    }

    /// Looks at all hosts, and returns the number of those that answer.
    ///
    /// # Errors
    /// When the user interrupts.
    pub fn look(&mut self) -> Result<usize> {
        let looked = on_all(&mut self.members, |member| member.look(OnInterrupt::End))?;
        Ok(looked.into_iter().flatten().count())
    }

    /// Collects from all hosts that answer, and merges their records.
    ///
    /// # Errors
    /// When the user interrupts, or the hub's directory cannot be written.
    pub fn collect(&mut self, on_interrupt: OnInterrupt) -> Result<(usize, TransferStats)> {
        let hub = &self.hub;
        let collected = on_all(&mut self.members, |member| {
            member.look(on_interrupt)?;
            member.collect(hub, on_interrupt)
        })?;
        moved::remove_copies(self.hub.path())?;
        let bundle = self.config.bundle.canonicalize().ok();
        self.hub.merge(self.config.hosts.iter().map(|host| &host.name), bundle.as_deref())?;
        let mut stats = TransferStats::default();
        let collected: Vec<_> = collected.into_iter().flatten().collect();
        collected.iter().for_each(|it| stats += *it);
        Ok((collected.len(), stats))
    }

    /// Collects from all hosts, and gives each what the others have found.
    ///
    /// # Errors
    /// When the user interrupts, or the hub's directory cannot be written.
    pub fn exchange(&mut self, pool: &mut ExchangePool) -> Result<ExchangeResult> {
        let start = Instant::now();
        let (hosts, mut stats) = self.collect(OnInterrupt::End)?;
        let mut new_inputs = 0;
        for member in &self.members {
            let name = &member.host().name;
            new_inputs += pool.add(name, &self.hub.queue(name))?;
        }
        let pool = &*pool;
        let reachable = self.members.iter_mut().filter(|member| member.unreachable.is_none());
        let distributed = on_all(reachable, |member| member.distribute(pool))?;
        distributed.into_iter().flatten().for_each(|it| stats += it);
        Ok(ExchangeResult { hosts, new_inputs, stats, duration: start.elapsed() })
    }

    /// Keeps all hosts running, and exchanges what they find, until the time limit.
    ///
    /// # Errors
    /// When the user interrupts, or the hub's directory cannot be written.
    pub fn watch(&mut self, bundle: &BundleDir, limit: Option<Duration>) -> Result<()> {
        let start = uptime();
        let mut pool = self.pool()?;
        let interval = self.config.interval();
        let mut next_exchange = start + interval;
        while limit.is_none_or(|limit| uptime() < start + limit) {
            let hub = &self.hub;
            on_all(&mut self.members, |member| member.keep_running(bundle, hub))?;
            if uptime() >= next_exchange {
                // Intervals are counted from the end: a slow exchange is not followed by the next one at once.
                report(&self.exchange(&mut pool)?, &pool);
                next_exchange = uptime() + interval;
            }
            let end = limit.map_or(next_exchange, |limit| next_exchange.min(start + limit));
            wait_until(end.min(uptime() + MAX_LOOK_INTERVAL))?;
        }
        Ok(())
    }

    /// Opens the pool of inputs.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn pool(&self) -> Result<ExchangePool> {
        ExchangePool::open(&self.hub.pool())
    }

    /// Stops all hosts, and returns the number of those that have stopped. Ctrl-C does not end it.
    ///
    /// # Errors
    /// None, as Ctrl-C does not end it.
    pub fn stop(&mut self) -> Result<usize> {
        let stopped =
            on_all(&mut self.members, |member| remote::stop(&member.connection(OnInterrupt::Finish)))?;
        Ok(stopped.into_iter().flatten().count())
    }
}

/// Reports an exchange.
pub fn report(result: &ExchangeResult, pool: &ExchangePool) {
    let ExchangeResult { hosts, new_inputs, stats, duration } = result;
    note!(
        "exchange: {}, {} ({} in all), {} received, {} sent, {:.1} s",
        counted(*hosts as u64, "host", "hosts"),
        counted(*new_inputs as u64, "new input", "new inputs"),
        pool.count(),
        member::bytes(stats.received),
        member::bytes(stats.sent),
        duration.as_secs_f64(),
    );
}

/// Does the work for all members at the same time. The result of a member whose host has a problem is `None`.
fn on_all<'m, 'a: 'm, Output: Send>(
    members: impl IntoIterator<Item = &'m mut FleetMember<'a>, IntoIter: Send>,
    work: impl Fn(&mut FleetMember<'a>) -> Result<Output> + Sync,
) -> Result<Vec<Option<Output>>, Interrupted> {
    for_all(members, |member| member.attempt(&work)).into_iter().collect()
}

/// Time since the boot of this machine, including the time in which it slept.
fn uptime() -> Duration {
    clock_gettime(ClockId::Boottime).try_into().unwrap_or_default()
}

fn wait_until(end: Duration) -> Result<(), Interrupted> {
    while uptime() < end {
        interrupt::check()?;
        std::thread::sleep(POLL_INTERVAL.min(end.saturating_sub(uptime())));
    }
    interrupt::check()
}
