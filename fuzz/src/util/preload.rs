//! Path of the preload library.

use std::path::{Path, PathBuf};

use anyhow::Result;
use sockfuzz_protocol::PRELOAD_FILE;

use crate::util::library::{Kind, Library};

const PRELOAD: Library = Library {
    what: "the preload library",
    file: PRELOAD_FILE,
    package: "sockfuzz-preload",
    kind: Kind::Shared,
    sources: &["preload/src", "preload/Cargo.toml", "preload/protocol/src", "preload/protocol/Cargo.toml"],
    flag: "--preload",
};

/// Returns the path of the preload library: see [`Library::locate`].
///
/// # Errors
/// When the library is missing and cannot be built.
pub fn locate(given: Option<&Path>) -> Result<PathBuf> {
    PRELOAD.locate(given)
}
