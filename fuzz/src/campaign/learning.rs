//! What the mutator learns of a server beside its comparisons: words of the executable.

use std::fs;

use anyhow::{Context, Result};
use sockfuzz_protocol::MUTATOR_WORDS;

use crate::campaign::environment::Setting;
use crate::campaign::mutator::Mutator;
use crate::campaign::output_dir::OutputDir;
use crate::note;
use crate::server::executable_words::ExecutableWords;
use crate::server::inspect::Inspection;

/// File with the words of the server's executable, one in each line, in the output directory.
const WORDS_FILE: &str = "sockfuzz.words";

/// Sources of words for the mutator, for as long as the campaign runs.
#[derive(Debug)]
pub struct Learning {
    settings: Vec<Setting>,
}

impl Learning {
    /// Prepares the sources, and says what was found. Without our mutator there are none.
    ///
    /// # Errors
    /// When the output directory cannot be written.
    pub fn prepare(mutator: Mutator, inspection: &Inspection, out: &OutputDir) -> Result<Self> {
        let mut settings = Vec::new();
        if mutator == Mutator::None {
            return Ok(Self { settings });
        }
        // The words of a script's interpreter are not the server's.
        let words = match inspection.script {
            true => ExecutableWords::default(),
            false => ExecutableWords::read(&inspection.executable),
        };
        let path = out.path().join(WORDS_FILE);
        fs::write(&path, words.lines()).with_context(|| format!("cannot write {}", path.display()))?;
        if !words.is_empty() {
            note!("the mutator knows of the executable: {words} ({})", path.display());
        }
        settings.push(Setting::silent(MUTATOR_WORDS, path));
        Ok(Self { settings })
    }

    /// Returns the environment variables for afl-fuzz.
    pub fn settings(&self) -> impl Iterator<Item = Setting> {
        self.settings.iter().cloned()
    }
}
