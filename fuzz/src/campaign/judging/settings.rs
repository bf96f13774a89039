//! What answers are judged by, in the output directory of a campaign.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result};

use crate::input::judge::{Judge, JudgeConfig};

/// Name of the directory of wrong answers, in the output directory, and of what else belongs to judging answers.
pub const DIRECTORY: &str = "sockfuzz-judge";

/// Name of the file.
const SETTINGS_FILE: &str = "sockfuzz.judge.json";

/// Writes the configuration.
///
/// # Errors
/// When the file cannot be written.
pub fn write(out: &Path, config: &JudgeConfig) -> Result<()> {
    let path = out.join(SETTINGS_FILE);
    fs::write(&path, serde_json::to_vec(config)?).with_context(|| format!("cannot write {}", path.display()))
}

/// Reads the configuration; `None` for a campaign that judges no answers.
///
/// # Errors
/// When the file cannot be read.
pub fn read(out: &Path) -> Result<Option<JudgeConfig>> {
    let path = out.join(SETTINGS_FILE);
    match fs::read(&path) {
        Ok(text) => {
            let config = serde_json::from_slice(&text);
            config.map(Some).with_context(|| format!("cannot read {}", path.display()))
        }
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Returns the judge of the campaign whose output directory contains a file, if it has one.
///
/// # Errors
/// As for [`read`].
pub fn judge_of(file: &Path) -> Result<Option<Judge>> {
    for directory in std::path::absolute(file)?.ancestors() {
        if let Some(config) = read(directory)? {
            return Ok(Some(Judge::new(config)));
        }
    }
    Ok(None)
}
