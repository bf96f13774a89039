//! Options and results of all importers.

use std::collections::HashSet;
use std::path::Path;

use crate::input::corpus::Seed;
use crate::input::route::Route;

/// Imported input, not yet written to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedInput {
    /// Suggested file name.
    pub name: String,
    /// Content.
    pub bytes: Vec<u8>,
    /// Origin, for the report.
    pub made_from: String,
}

/// Result of importing one file.
#[derive(Debug, Default)]
pub struct ImportResult {
    /// The inputs.
    pub inputs: Vec<ImportedInput>,
    /// Routes that the file describes.
    pub routes: Vec<Route>,
    /// Parts of the file that yielded no input, each with the reason.
    pub skipped: Vec<String>,
}

impl ImportResult {
    /// Returns the inputs, each once, as seeds with different names. They are in no file but the one that they were made from.
    #[must_use]
    pub fn into_seeds(self, from: &Path) -> Vec<Seed> {
        let (mut names, mut known) = (HashSet::new(), HashSet::new());
        let mut seeds = Vec::new();
        for ImportedInput { name, bytes, .. } in self.inputs {
            if !known.insert(bytes.clone()) {
                continue;
            }
            let others = (2..).map(|number| format!("{name}-{number}"));
            let free = std::iter::once(name.clone()).chain(others).find(|name| names.insert(name.clone()));
            seeds.push(Seed { name: free.unwrap_or(name), path: from.to_owned(), bytes });
        }
        seeds
    }
}

/// Options of the import.
#[derive(Debug, Clone, Copy, Default)]
pub struct ImportOptions {
    /// In captures, take only connections to this port.
    pub port: Option<u16>,
    /// In raw requests, turn bare line feeds of the head into CRLF.
    pub crlf: bool,
}
