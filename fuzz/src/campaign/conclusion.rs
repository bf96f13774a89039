//! The end of a campaign: figures, warnings, the command to go on with.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::instance::Instance;
use super::output_dir::OutputDir;
use super::report::{self, ConnectionCounts};
use super::runner::CampaignEnd;
use super::stats::FuzzerStats;
use crate::input::corpus;
use crate::server::Server;
use crate::server::status_file::StatusFile;
use crate::util::exit_code;
use crate::util::shell::shell_quoted;

/// Combined figures of the instances; none before they have reported.
#[must_use]
pub fn combined_stats(instances: &[Instance], out: &OutputDir) -> Option<FuzzerStats> {
    let all: Vec<FuzzerStats> =
        instances.iter().filter_map(|instance| FuzzerStats::read(&out.instance(&instance.name))).collect();
    FuzzerStats::combine(&all)
}

/// Prints figures, warnings and what to do next, and returns the exit status. `earlier` is the number of
/// executions before this resumption.
///
/// # Errors
/// The one in `result`.
pub fn conclude(
    result: Result<CampaignEnd>,
    instances: &[Instance],
    out: &OutputDir,
    status: &StatusFile,
    server: &Server,
    earlier: u64,
) -> Result<u8> {
    let together = combined_stats(instances, out).filter(|stats| stats.executions > 0);
    let end = result?;
    eprintln!();
    if let Some(stats) = together {
        eprintln!("{}", report::summary(&stats));
        let connections = ConnectionCounts::read(status);
        if let Some(it) = status.memory_fallback() {
            eprintln!("sockfuzz: transport memory was left for unix in a part of this campaign: {it}");
        }
        for warning in report::warnings(&stats, stats.executions.saturating_sub(earlier), connections) {
            eprintln!("sockfuzz: WARNING: {warning}");
        }
        if stats.crashes + stats.hangs > 0 {
            eprintln!("see what they do with:\n  {}", replay_command(instances, out, server));
        }
    }
    eprintln!("to go on, give the same command again; everything is in {}", out.path().display());
    Ok(match end {
        CampaignEnd::Complete => exit_code::OK,
        CampaignEnd::Interrupted(signal) => signal.exit_code(),
    })
}

/// The command that replays all crashes and hangs.
fn replay_command(instances: &[Instance], out: &OutputDir, server: &Server) -> String {
    let holds_findings = |path: &PathBuf| corpus::read(path).is_ok();
    let found: Vec<PathBuf> = instances
        .iter()
        .flat_map(|instance| ["crashes", "hangs"].map(|kind| out.instance(&instance.name).join(kind)))
        .filter(holds_findings)
        .collect();
    let found = shell_quoted(found.iter().map(PathBuf::as_path).map(Path::as_os_str));
    format!("sockfuzz replay {found} -- {}", server.command_line())
}
