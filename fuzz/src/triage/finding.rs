//! Record of a bug in its folder, `finding.json`: what triage knows of it, for a later triage and for the report.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Name of the directory of bugs in an output directory.
pub const DIRECTORY: &str = "findings";

/// Name of the record in the folder of a bug.
const RECORD_FILE: &str = "finding.json";

/// How the server fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// A signal ends it, or a sanitizer.
    Crash,
    /// A Rust or Go panic.
    Panic,
    /// It exits by itself.
    Exit,
    /// It does not answer in time.
    Hang,
    /// It accepts no more connections.
    StoppedAccepting,
    /// It answers as a rule of the campaign forbids.
    WrongAnswer,
    /// sockfuzz itself fails.
    InternalError,
}

/// Place in the server's source.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct SourceLocation {
    /// Path, as the compiler was given it.
    pub file: String,
    /// Line, counted from 1.
    pub line: u64,
    /// Column, counted from 1; 0 if it is unknown.
    pub column: u64,
}

/// Estimate of what an attacker can do with a bug, by the classes of CASR.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Severity {
    /// `EXPLOITABLE`, `PROBABLY_EXPLOITABLE` or `NOT_EXPLOITABLE`.
    pub level: String,
    /// Name of the class, such as `heap-buffer-overflow(write)`.
    pub class: String,
    /// The class in a sentence.
    pub description: String,
}

/// How often a bug happened on the plain server, over TCP and without the preload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// Number of attempts.
    pub attempts: u32,
    /// Number of those in which it happened.
    pub happened: u32,
    /// How the server ended, if it happened.
    pub end: Option<String>,
    /// Likely reason for a bug that happens only under sockfuzz.
    pub reason: Option<String>,
}

impl fmt::Display for Confirmation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { attempts, happened, end, reason } = self;
        match (end, reason) {
            _ if *attempts == 0 => f.write_str("not tried on the plain server"),
            (Some(end), _) => write!(f, "{happened} of {attempts} on the plain server: {end}"),
            (None, Some(reason)) => {
                write!(f, "only under sockfuzz (0 of {attempts} on the plain server): {reason}")
            }
            (None, None) => write!(f, "only under sockfuzz: 0 of {attempts} on the plain server"),
        }
    }
}

/// Record of a bug.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// One line, such as `heap-buffer-overflow(write) in parse_header (parser.c:120)`.
    pub title: String,
    /// How the server fails.
    pub kind: FailureKind,
    /// What failures of this bug have in common: their place in the source or module, if it is known.
    pub key: String,
    /// Causes in the loop that belong to this bug, such as `crash at nginx+4a3c1`.
    pub causes: Vec<String>,
    /// Estimate of its severity, if there is one.
    pub severity: Option<Severity>,
    /// Place in the source, if debug information tells it.
    pub location: Option<SourceLocation>,
    /// Stack at the failure, the innermost frame first. Empty if it is unknown.
    pub stack: Vec<String>,
    /// Files of the campaign with this bug, relative to the output directory.
    pub files: Vec<PathBuf>,
    /// Time from the start of the campaign to the first of these files, in milliseconds.
    pub first_found_ms: Option<u64>,
    /// Number of inputs that the bug needs (`input-1`, `input-2`, … in its folder).
    pub inputs: usize,
    /// Whether the reduction stopped at its time limit.
    pub is_reduction_cut: bool,
    /// Whether it happens on the plain server.
    pub confirmation: Confirmation,
    /// Fingerprint of the program with which the causes, the key and the place were last determined.
    #[serde(default)]
    pub program: Option<String>,
}

impl Finding {
    /// Reads the record in a bug's folder.
    ///
    /// # Errors
    /// When the file is missing or is no record.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(RECORD_FILE);
        let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("{} is no record of a bug", path.display()))
    }

    /// Writes the record into a bug's folder.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join(RECORD_FILE);
        let partial = path.with_extension("partial");
        fs::write(&partial, serde_json::to_vec_pretty(self)?)
            .and_then(|()| fs::rename(&partial, &path))
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// Returns the folders of all bugs of a campaign with their records, in the order of their names.
    ///
    /// # Errors
    /// When a record cannot be read.
    pub fn of_campaign(out: &Path) -> Result<Vec<(PathBuf, Self)>> {
        let Ok(entries) = fs::read_dir(out.join(DIRECTORY)) else { return Ok(Vec::new()) };
        let mut folders: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        folders.retain(|folder| folder.join(RECORD_FILE).is_file());
        folders.sort();
        folders.into_iter().map(|folder| Ok((folder.clone(), Self::read(&folder)?))).collect()
    }
}
