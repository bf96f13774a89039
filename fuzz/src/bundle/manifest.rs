//! Manifest of a bundle: its files with their hashes, and what it leaves to the machine that runs it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::Serialize;
use sockfuzz_launcher::description::Description;

use crate::bundle::tree::{Tree, TreeFile};

/// File of the manifest.
pub const FILE: &str = "manifest.json";

/// Manifest, as JSON.
#[derive(Debug, Serialize)]
struct Manifest<'a> {
    #[serde(flatten)]
    description: &'a Description,
    /// Packages of Debian from which files were taken.
    packages: &'a BTreeSet<String>,
    /// Files that the server used, and that every machine has of its own.
    left_to_the_machine: &'a BTreeSet<PathBuf>,
    /// Files of the bundle.
    files: &'a BTreeMap<PathBuf, TreeFile>,
}

/// Writes the manifest, after all other files.
///
/// # Errors
/// When it cannot be written.
pub fn write(
    tree: &mut Tree,
    description: &Description,
    packages: &BTreeSet<String>,
    left: &BTreeSet<PathBuf>,
) -> Result<()> {
    let manifest = Manifest { description, packages, left_to_the_machine: left, files: tree.files() };
    let text = serde_json::to_string_pretty(&manifest)? + "\n";
    tree.write(Path::new(FILE), text.as_bytes())
}
