//! What a description of the server's API adds to a campaign: seeds, words of the dictionary, and rules for answers.

use std::env;
use std::fmt::{self, Write as _};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use super::arguments::FuzzArguments;
use crate::campaign::environment::Setting;
use crate::campaign::judging;
use crate::input::corpus::{self, Seed};
use crate::input::import::{self, ApiDescription};
use crate::input::judge::{AnswerRule, JudgeConfig};
use crate::input::route::Route;
use crate::note;
use crate::util::printable::counted;
use crate::util::problem::Problem;

/// Name of the dictionary of a campaign, in the output directory.
pub(super) const DICTIONARY_FILE: &str = "sockfuzz.dict";

/// Description of the API.
#[derive(Debug)]
pub(super) struct Guide {
    pub(super) document: Value,
    /// A dictionary in AFL++'s format.
    dictionary: String,
    /// Number of its words.
    words: usize,
    /// Number of requests that were made, some of which may be the same.
    requests: usize,
    /// Operations without requests, and the reasons.
    skipped: Vec<String>,
    /// Requests for the operations.
    pub(super) seeds: Vec<Seed>,
    /// Routes of the operations.
    pub(super) routes: Vec<Route>,
}

impl Guide {
    /// Reads the description, if one is given.
    pub(super) fn read(arguments: &FuzzArguments) -> Result<Option<Self>> {
        let needs_description = arguments.findings.contains(&AnswerRule::Description);
        let Some(path) = &arguments.openapi else {
            return match needs_description {
                true => {
                    Err(Problem::failed("--findings spec needs a description", "give one with --openapi")
                        .into())
                }
                false => Ok(None),
            };
        };
        let guide = Self::new(import::read_description(&corpus::read_file(path)?)?, path);
        note!("{}: {guide}", path.display());
        guide.report_skipped();
        Ok(Some(guide))
    }

    /// Creates a guide of a description `from` a file or a place of the server.
    pub(super) fn new(description: ApiDescription, from: &Path) -> Self {
        let mut dictionary = String::new();
        for word in &description.words {
            let _ = writeln!(dictionary, "\"{}\"", escaped(word));
        }
        let ApiDescription { document, requests, words } = description;
        Self {
            document,
            words: words.len(),
            dictionary,
            requests: requests.inputs.len(),
            routes: requests.routes.clone(),
            skipped: requests.skipped.clone(),
            seeds: requests.into_seeds(from),
        }
    }

    /// Reports the operations without requests.
    pub(super) fn report_skipped(&self) {
        self.skipped.iter().for_each(|reason| note!("left out: {reason}"));
    }

    /// Writes the words of the API behind those of another dictionary.
    pub(super) fn write_dictionary(&self, other: Option<&PathBuf>, path: &Path) -> Result<()> {
        let other = match other {
            Some(other) => {
                fs::read_to_string(other).with_context(|| format!("cannot read {}", other.display()))?
            }
            None => String::new(),
        };
        let text = format!("{}\n# Words of the API.\n{}", other.trim_end(), self.dictionary);
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    }
}

impl fmt::Display for Guide {
    /// Writes how many requests and words there are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let requests = counted(self.requests as u64, "request", "requests");
        write!(f, "{requests} and {}", counted(self.words as u64, "word", "words"))
    }
}

/// Records in the output directory what answers are judged by, if they are.
pub(super) fn record_rules(
    arguments: &FuzzArguments,
    guide: Option<&Guide>,
    seeds: &[Seed],
    corpus: &Path,
    out: &Path,
) -> Result<()> {
    if arguments.findings.is_empty() {
        return Ok(());
    }
    let config = JudgeConfig {
        rules: arguments.findings.clone(),
        description: guide.map(|guide| guide.document.clone()),
        seeds: corpus.to_owned(),
        segments: JudgeConfig::segments_of(seeds, corpus::input_format(seeds)),
    };
    judging::write(out, &config)
}

/// Returns the variables for afl-fuzz if answers are to be judged.
pub(super) fn settings(arguments: &FuzzArguments) -> Option<Setting> {
    const NO_TRIM: &str = "AFL_DISABLE_TRIM";
    let is_needed = !arguments.findings.is_empty() && env::var_os(NO_TRIM).is_none();
    is_needed.then(|| Setting {
        reason: Some(
            "afl-fuzz does not trim inputs (AFL_DISABLE_TRIM): what is left of a request then is often no valid request, \
             whose answer the description does not cover"
                .to_owned(),
        ),
        ..Setting::silent(NO_TRIM, "1")
    })
}

/// Escapes a word for a dictionary in AFL++'s format.
fn escaped(word: &str) -> String {
    let mut escaped = String::new();
    for byte in word.bytes() {
        match byte {
            b'"' | b'\\' => escaped.extend(['\\', char::from(byte)]),
            b' '..=b'~' => escaped.push(char::from(byte)),
            _ => escaped.push_str(&format!("\\x{byte:02x}")),
        }
    }
    escaped
}
