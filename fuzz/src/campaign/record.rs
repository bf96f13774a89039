//! Record of a campaign in its output directory. `replay` reads it to run the server as the campaign did,
//! and a resumption reads it to find changes.

use std::collections::{BTreeMap, HashSet};
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use sockfuzz_protocol::{Transport, specs};

use super::campaign_run::CampaignRun;
use super::host_name::HostName;
use super::output_dir::{TARGET_FILE, TRANSPORT_FILE};
use crate::input::corpus::Seed;
use crate::options::PreloadOptions;
use crate::server::Server;
use crate::util::fingerprint::fingerprint;
use crate::util::problem::Problem;

/// Name of the file with the record.
const RECORD_FILE: &str = "sockfuzz.json";

/// Version of the format. Later versions are refused.
const VERSION: u32 = 1;

/// Record of a campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignRecord {
    version: u32,
    /// The server's program and its arguments.
    pub server: Vec<String>,
    /// Variables that the server is given.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
    /// Working directory of the server.
    pub directory: Option<PathBuf>,
    /// Options of the preload, keyed by flag, including the transport.
    pub options: BTreeMap<String, String>,
    /// Time limit of one execution in milliseconds.
    pub timeout_ms: Option<u32>,
    /// Fingerprint of the server's program.
    program: Option<String>,
    /// Fingerprints of all seeds that the campaign was given.
    seeds: Vec<String>,
    /// Name of this machine in a campaign on several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<HostName>,
    /// Its start and its resumptions. An earlier release did not record them.
    #[serde(default)]
    pub runs: Vec<CampaignRun>,
}

impl CampaignRecord {
    /// Creates the record of a campaign that starts now.
    ///
    /// # Errors
    /// When the working directory does not exist.
    pub fn new(server: &Server, options: &PreloadOptions, timeout_ms: u32, seeds: &[Seed]) -> Result<Self> {
        let words = std::iter::once(server.program.as_os_str())
            .chain(server.arguments.iter().map(OsString::as_os_str))
            .map(|word| word.to_string_lossy().into_owned());
        Ok(Self {
            version: VERSION,
            server: words.collect(),
            variables: server.variables.clone(),
            directory: Some(std::env::current_dir().context("the working directory is gone")?),
            options: options.named(),
            timeout_ms: Some(timeout_ms),
            program: program_fingerprint(server),
            seeds: seeds.iter().map(|seed| fingerprint(&seed.bytes)).collect(),
            host: None,
            runs: vec![CampaignRun::of_this_process()],
        })
    }

    /// Finds the record of the campaign whose output directory is `path` or contains it.
    ///
    /// # Errors
    /// A record that cannot be read.
    pub fn find(path: &Path) -> Result<Option<Self>> {
        let path = std::path::absolute(path)?;
        for directory in path.ancestors() {
            if let Some(record) = Self::read(directory)? {
                return Ok(Some(record));
            }
        }
        Ok(None)
    }

    /// Reads the record in an output directory that the user gives.
    ///
    /// # Errors
    /// Another directory, or a record that cannot be read.
    pub fn require(out: &Path) -> Result<Self> {
        Ok(Self::read(out)?.ok_or_else(|| no_campaign(out))?)
    }

    /// Reads the record in an output directory. Returns `None` for other directories.
    ///
    /// # Errors
    /// A record that cannot be read.
    pub fn read(out: &Path) -> Result<Option<Self>> {
        let path = out.join(RECORD_FILE);
        match fs::read(&path) {
            Ok(text) => {
                let record: Self =
                    serde_json::from_slice(&text).map_err(|error| unreadable(&path, &error.to_string()))?;
                if record.version > VERSION {
                    let problem = format!("it has version {}, not {VERSION}", record.version);
                    return Err(unreadable(&path, &problem).into());
                }
                Ok(Some(record))
            }
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                Ok(Self::of_earlier_release(out))
            }
            Err(error) => Err(unreadable(&path, &error.to_string()).into()),
        }
    }

    /// Reads the directory of an earlier release, which recorded only the command line and the transport.
    fn of_earlier_release(out: &Path) -> Option<Self> {
        let server = fs::read_to_string(out.join(TARGET_FILE)).ok()?;
        let transport = fs::read_to_string(out.join(TRANSPORT_FILE)).ok();
        let transport =
            transport.map(|transport| (specs::TRANSPORT.flag.to_owned(), transport.trim_end().to_owned()));
        Some(Self {
            version: 0,
            server: shell_words::split(server.trim_end()).ok()?,
            variables: BTreeMap::new(),
            directory: None,
            options: transport.into_iter().collect(),
            timeout_ms: None,
            program: None,
            seeds: Vec::new(),
            host: None,
            runs: Vec::new(),
        })
    }

    /// Writes the record.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, out: &Path) -> Result<()> {
        let path = out.join(RECORD_FILE);
        let text = serde_json::to_string_pretty(self)?;
        fs::write(&path, text + "\n").with_context(|| format!("cannot write {}", path.display()))
    }

    /// Whether the server's program is known to differ from that in `later`.
    #[must_use]
    pub fn has_other_program(&self, later: &Self) -> bool {
        self.program.is_some() && self.program != later.program
    }

    /// Whether the server's program is known to be the one of this campaign.
    #[must_use]
    pub fn is_of_program(&self, server: &Server) -> bool {
        self.program.is_some() && self.program == program_fingerprint(server)
    }

    /// Returns for each seed whether this campaign was not given it. If an earlier release did not record them, none is new.
    pub fn are_new<'a>(&self, seeds: impl IntoIterator<Item = &'a Seed>) -> Vec<bool> {
        let given: HashSet<&String> = self.seeds.iter().collect();
        let is_new = |seed: &Seed| self.version > 0 && !given.contains(&fingerprint(&seed.bytes));
        seeds.into_iter().map(is_new).collect()
    }

    /// Adds the seeds and the runs of an earlier record to this one.
    #[must_use]
    pub fn resuming(mut self, earlier: &Self) -> Self {
        self.runs.splice(..0, earlier.runs.iter().cloned());
        self.seeds.extend(earlier.seeds.iter().cloned());
        self.seeds.sort();
        self.seeds.dedup();
        self
    }

    /// Replaces a directory by another one in all paths of the server, its options and its working directory.
    #[must_use]
    pub fn relocated(mut self, from: &str, to: &str) -> Self {
        let directory = self.directory.iter_mut();
        directory.for_each(|it| *it = it.to_string_lossy().replace(from, to).into());
        self.server.iter_mut().chain(self.options.values_mut()).for_each(|it| *it = it.replace(from, to));
        self
    }

    /// Sets the name of this machine.
    #[must_use]
    pub fn on_host(self, host: Option<&HostName>) -> Self {
        Self { host: host.cloned(), ..self }
    }

    /// Returns the server of the campaign.
    ///
    /// # Errors
    /// As for [`Server::resolve`].
    pub fn server(&self) -> Result<Server> {
        let line: Vec<_> = self.server.iter().map(OsString::from).collect();
        Ok(Server::resolve(&line)?.with_variables(self.variables.clone()))
    }

    /// Returns the options of the campaign, with `given` ones in their place.
    ///
    /// # Errors
    /// Options that this version does not know.
    pub fn options_below(&self, given: &PreloadOptions) -> Result<PreloadOptions, Problem> {
        given.with_named_defaults(&self.options).map_err(|error| {
            let what = format!("the options of the campaign cannot be used: {error}");
            Problem::failed(what, "use the version of sockfuzz that ran the campaign")
        })
    }

    /// Changes to the working directory of the campaign, because paths on the server's command line may be relative.
    ///
    /// # Errors
    /// When the directory cannot be entered.
    pub fn enter_directory(&self) -> Result<()> {
        match &self.directory {
            Some(directory) => env::set_current_dir(directory).with_context(|| {
                format!("cannot enter the campaign's working directory {}", directory.display())
            }),
            None => Ok(()),
        }
    }

    /// Returns the transport of the campaign.
    #[must_use]
    pub fn transport(&self) -> Option<Transport> {
        self.options.get(specs::TRANSPORT.flag)?.parse().ok()
    }
}

/// Returns the fingerprint of the server's program, or `None` if the program cannot be read.
#[must_use]
pub fn program_fingerprint(server: &Server) -> Option<String> {
    fs::read(&server.program).ok().map(|content| fingerprint(&content))
}

fn no_campaign(path: &Path) -> Problem {
    Problem::failed(
        format!("{} is no output directory of sockfuzz fuzz", path.display()),
        "give the directory that sockfuzz fuzz got with -o",
    )
}

fn unreadable(path: &Path, error: &str) -> Problem {
    Problem::failed(
        format!("the record of the campaign, {}, cannot be read: {error}", path.display()),
        "use the version of sockfuzz that wrote it, or remove the file and give replay the server and its options",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> CampaignRecord {
        let server = Server::new("/bin/true".into(), vec!["a b".into()]);
        let options = PreloadOptions::default().with(specs::TRANSPORT.variable, "memory".to_owned());
        CampaignRecord::new(&server, &options, 200, &[]).expect("recorded")
    }

    #[test]
    fn the_record_is_found_from_a_finding() {
        let directory = tempfile::tempdir().expect("tempdir");
        let crash = directory.path().join("default/crashes/id:000000");
        assert_eq!(CampaignRecord::find(&crash).expect("readable"), None);
        record().write(directory.path()).expect("written");
        let found = CampaignRecord::find(&crash).expect("readable").expect("found");
        assert_eq!(found, record());
        assert_eq!(found.transport(), Some(Transport::Memory));
    }

    #[test]
    fn a_resumption_keeps_the_earlier_runs() {
        let first = record();
        let second = record().resuming(&first);
        assert_eq!(second.runs.len(), 2);
        assert!(second.runs[0].kernel.starts_with("Linux"), "{:?}", second.runs);
    }

    #[test]
    fn a_record_of_a_later_version_is_refused() {
        let directory = tempfile::tempdir().expect("tempdir");
        CampaignRecord { version: VERSION + 1, ..record() }.write(directory.path()).expect("written");
        let error = CampaignRecord::find(directory.path()).expect_err("too new");
        assert!(error.to_string().contains("version 2"), "{error}");
    }

    #[test]
    fn a_directory_of_the_earlier_release_names_server_and_transport() {
        let directory = tempfile::tempdir().expect("tempdir");
        fs::write(directory.path().join(TARGET_FILE), "/bin/true 'a b'\n").expect("write");
        fs::write(directory.path().join(TRANSPORT_FILE), "unix\n").expect("write");
        let found = CampaignRecord::find(directory.path()).expect("readable").expect("found");
        assert_eq!(found.server, ["/bin/true", "a b"]);
        assert_eq!(found.transport(), Some(Transport::Unix));
    }
}
