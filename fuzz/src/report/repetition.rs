//! How to repeat a campaign: versions, options, commands.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use super::instances::ReportedInstance;
use super::text::{visible, visible_text};
use crate::campaign::campaign_run::CampaignRun;
use crate::campaign::record::CampaignRecord;
use crate::util::shell::shell_quoted;

/// What is needed to run a campaign again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Repetition {
    /// Command line of the server, quoted for a shell, with the variables that it is given.
    pub server: String,
    /// Working directory of the server.
    pub directory: Option<String>,
    /// Time limit of one execution in milliseconds.
    pub timeout_ms: Option<u32>,
    /// Options of the preload, keyed by flag.
    pub options: BTreeMap<String, String>,
    /// The start and the resumptions. Empty for a campaign of a release that did not record them.
    pub runs: Vec<RepetitionRun>,
    /// Versions of AFL++ that the instances report.
    pub afl_versions: Vec<String>,
    /// Command lines of afl-fuzz at the last start, one for each instance.
    pub afl_commands: Vec<String>,
}

/// Start or resumption of a campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RepetitionRun {
    /// Version of sockfuzz.
    pub sockfuzz: String,
    /// The kernel: its name, release and machine.
    pub kernel: String,
    /// Command line of sockfuzz, quoted for a shell.
    pub command: String,
}

/// Collects everything from the record of the campaign and from its instances.
#[must_use]
pub fn collect(record: &CampaignRecord, instances: &[ReportedInstance]) -> Repetition {
    let owned = |text: &String| visible_text(text).into_owned();
    let mut afl_versions: Vec<_> = instances.iter().filter_map(|it| it.afl_version.clone()).collect();
    afl_versions.sort();
    afl_versions.dedup();
    Repetition {
        server: quoted(&server_line(record)),
        directory: record.directory.as_deref().map(shown_path),
        timeout_ms: record.timeout_ms,
        options: record.options.iter().map(|(flag, value)| (owned(flag), owned(value))).collect(),
        runs: record.runs.iter().map(run).collect(),
        afl_versions,
        afl_commands: instances.iter().filter_map(|it| it.command_line.clone()).collect(),
    }
}

/// Returns a path as text.
#[must_use]
pub fn shown_path(path: &Path) -> String {
    visible(path.as_os_str().as_encoded_bytes())
}

fn run(run: &CampaignRun) -> RepetitionRun {
    RepetitionRun {
        sockfuzz: visible_text(&run.sockfuzz).into_owned(),
        kernel: visible_text(&run.kernel).into_owned(),
        command: quoted(&run.command),
    }
}

/// Returns the words that start the server by hand.
fn server_line(record: &CampaignRecord) -> Vec<String> {
    let env = (!record.variables.is_empty()).then(|| "env".to_owned());
    let assignments = record.variables.iter().map(|(name, value)| format!("{name}={value}"));
    env.into_iter().chain(assignments).chain(record.server.iter().cloned()).collect()
}

fn quoted(words: &[String]) -> String {
    visible_text(&shell_quoted(words.iter().map(OsStr::new))).into_owned()
}
