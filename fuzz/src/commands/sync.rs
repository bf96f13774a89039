//! `sockfuzz sync`: a campaign on many machines.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use clap::{Args, Subcommand};
use tabled::builder::Builder;
use tabled::settings::Style;

use crate::campaign::conclusion::command_with;
use crate::campaign::findings;
use crate::campaign::record::CampaignRecord;
use crate::fleet::bundle_dir::BundleDir;
use crate::fleet::config::{EXAMPLE, FleetConfig};
use crate::fleet::external::OnInterrupt;
use crate::fleet::member::FleetMember;
use crate::fleet::round::{self, Fleet};
use crate::note;
use crate::options;
use crate::report::data::CampaignReport;
use crate::report::html::{self, PagePlace};
use crate::report::report_file;
use crate::server::process_tree;
use crate::util::exit_code;
use crate::util::interrupt::Interrupted;
use crate::util::output_file;
use crate::util::printable::counted;
use crate::util::problem::Problem;

/// Shown below the help text.
pub const EXAMPLES: &str = "\
Examples:
  sockfuzz bundle -o bundle -- ./server ARGS   what every host needs, in one directory
  sockfuzz sync init hosts.toml                an example with comments; put your hosts into it
  sockfuzz sync run hosts.toml                 start, exchange, and stop at Ctrl-C, or --for SECONDS
  sockfuzz triage fleet-out                    bugs from all hosts, on this machine
Step by step:
  sockfuzz sync start hosts.toml               hosts fuzz on when this command has ended
  sockfuzz sync watch hosts.toml               exchange at intervals, start again what has died; Ctrl-C only ends the watch
  sockfuzz sync exchange hosts.toml            exchange once, for example by cron
  sockfuzz sync status hosts.toml
  sockfuzz sync stop hosts.toml

Each host runs sockfuzz fuzz. At intervals, this machine fetches what their main instances have found, and gives each host what \
the others have found, by rsync over ssh; hosts need no access to each other. It also fetches findings, histories and \
figures. The output directory here is one for sockfuzz report, triage, replay and cover.

A host that cannot be reached is left out and tried again. If it was rebooted, it is continued. If it has lost its files, it \
gets them back from here. ssh must work without a question (keys in ssh-agent).

Exit status: 0 when all hosts took part; 1 when one did not, or something is missing; 130 after Ctrl-C.";

/// Arguments of `sync`.
#[derive(Debug, Args)]
pub struct SyncArguments {
    /// The step.
    #[command(subcommand)]
    step: SyncStep,
}

/// Step of a campaign on many machines.
#[derive(Debug, Subcommand)]
enum SyncStep {
    /// Write an example of a file of hosts, with comments
    Init {
        /// The file
        #[arg(value_name = "HOSTS.toml", default_value = "hosts.toml")]
        file: PathBuf,
        /// Overwrite it
        #[arg(long)]
        force: bool,
    },
    /// Start all hosts, keep them running and exchange until Ctrl-C or a limit; then stop them, and write the report
    Run(WatchArguments),
    /// Copy the bundle to all hosts and start them, or continue them; they run on without this machine
    Start(FleetArguments),
    /// Exchange at intervals, and start again what has died, until Ctrl-C or a limit; hosts run on
    Watch(WatchArguments),
    /// Exchange once: collect from all hosts, and give each what the others have found
    Exchange(FleetArguments),
    /// Print a table of the hosts
    Status(FleetArguments),
    /// Collect from all hosts, and write the report
    Report(FleetArguments),
    /// Stop all hosts, collect, and write the report
    Stop(FleetArguments),
}

/// Arguments of most steps.
#[derive(Debug, Args)]
struct FleetArguments {
    /// File of hosts
    #[arg(value_name = "HOSTS.toml", default_value = "hosts.toml")]
    file: PathBuf,
}

/// Arguments of steps that last.
#[derive(Debug, Args)]
struct WatchArguments {
    #[command(flatten)]
    fleet: FleetArguments,
    /// Time limit, in seconds
    #[arg(long = "for", value_name = "SECONDS", value_parser = options::seconds)]
    limit: Option<Duration>,
}

/// Does one step.
///
/// # Errors
/// A file of hosts, a bundle or an output directory that cannot be used. A host with a problem is a warning.
pub fn run(arguments: SyncArguments) -> Result<u8> {
    // A campaign in a directory of this machine outlives this process, and so does a connection that ssh shares.
    process_tree::release_orphans()?;
    match arguments.step {
        SyncStep::Init { file, force } => {
            output_file::create(&file, force)?.write_all(EXAMPLE.as_bytes())?;
            println!("{}", file.display());
            Ok(exit_code::OK)
        }
        SyncStep::Run(WatchArguments { fleet, limit }) => fleet.with(|fleet, config| {
            let bundle = BundleDir::open(&config.bundle)?;
            let end = fleet.start(&bundle).and_then(|started| match started {
                0 => Err(no_host_runs().into()),
                _ => fleet.watch(&bundle, limit),
            });
            let status = match &end {
                Err(error) => error.downcast_ref::<Interrupted>().map(|it| it.exit_code()),
                Ok(()) => None,
            };
            let stopped = stop(fleet);
            match status {
                Some(status) => stopped.map(|_| status),
                None => end.and(stopped),
            }
        }),
        SyncStep::Start(fleet) => fleet.with(|fleet, config| {
            let started = fleet.start(&BundleDir::open(&config.bundle)?)?;
            note!("{} of {} running", started, counted(config.hosts.len() as u64, "host", "hosts"));
            Ok(status_of(started, config))
        }),
        SyncStep::Watch(WatchArguments { fleet, limit }) => fleet.with(|fleet, config| {
            fleet.watch(&BundleDir::open(&config.bundle)?, limit).map(|()| exit_code::OK)
        }),
        SyncStep::Exchange(fleet) => fleet.with(|fleet, config| {
            let mut pool = fleet.pool()?;
            let result = fleet.exchange(&mut pool)?;
            round::report(&result, &pool);
            Ok(status_of(result.hosts, config))
        }),
        SyncStep::Status(fleet) => fleet.with(|fleet, config| {
            let answering = fleet.look()?;
            println!("{}", table(fleet.members()));
            Ok(status_of(answering, config))
        }),
        SyncStep::Report(fleet) => fleet.with(|fleet, config| {
            let (hosts, _) = fleet.collect(OnInterrupt::End)?;
            write_report(&config.output)?;
            Ok(status_of(hosts, config))
        }),
        SyncStep::Stop(fleet) => fleet.with(|fleet, _| stop(fleet)),
    }
}

impl FleetArguments {
    fn with(&self, work: impl FnOnce(&mut Fleet<'_>, &FleetConfig) -> Result<u8>) -> Result<u8> {
        let config = FleetConfig::read(&self.file)?;
        work(&mut Fleet::open(&config)?, &config)
    }
}

fn status_of(hosts: usize, config: &FleetConfig) -> u8 {
    if hosts == config.hosts.len() { exit_code::OK } else { exit_code::FAILED }
}

/// Stops all hosts, collects from them, and writes the report.
fn stop(fleet: &mut Fleet<'_>) -> Result<u8> {
    note!("stopping all hosts, which takes up to half a minute");
    let stopped = fleet.stop()?;
    let (_, _) = fleet.collect(OnInterrupt::Finish)?;
    println!("{}", table(fleet.members()));
    write_report(fleet.output())?;
    if !findings::of_campaign(fleet.output()).is_empty() {
        eprintln!("group the findings into bugs with:\n  {}", command_with("triage", fleet.output()));
    }
    Ok(if stopped == fleet.members().len() { exit_code::OK } else { exit_code::FAILED })
}

fn no_host_runs() -> Problem {
    Problem::failed("no host could be started", "see the warnings above")
}

/// Writes the page of the whole campaign, if anything was collected, and prints its path.
fn write_report(out: &Path) -> Result<()> {
    if CampaignRecord::read(out)?.is_none() {
        note!("nothing was collected yet, so there is no report");
        return Ok(());
    }
    let page = out.join("report.html");
    report_file::write(&page, &html::render(&CampaignReport::collect(out)?, PagePlace::OutputDirectory)?)?;
    println!("{}", page.display());
    Ok(())
}

/// Returns a table of the hosts.
fn table(members: &[FleetMember<'_>]) -> String {
    let mut table = Builder::new();
    table.push_record([
        "host",
        "state",
        "instances",
        "executions",
        "per second",
        "edges",
        "corpus",
        "crashes",
        "hangs",
    ]);
    for member in members {
        table.push_record(member.cells());
    }
    table.build().with(Style::sharp()).to_string()
}
