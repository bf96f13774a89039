//! The library that the server preloads.

use std::path::{Path, PathBuf};

use anyhow::Result;
use sockfuzz_protocol::PRELOAD_FILE;

use crate::library::Library;

const PRELOAD: Library = Library {
    what: "the preload library",
    file: PRELOAD_FILE,
    package: "sockfuzz-preload",
    sources: &["preload/src", "preload/Cargo.toml", "preload/protocol/src", "preload/protocol/Cargo.toml"],
    flag: "--preload",
};

/// Its path: see [`Library::locate`].
///
/// # Errors
/// When there is none and none can be built.
pub fn locate(given: Option<&Path>) -> Result<PathBuf> {
    PRELOAD.locate(given)
}
