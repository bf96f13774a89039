//! Paths of the launcher of bundles, and of the library that starts it.

use std::path::PathBuf;

use anyhow::Result;
use sockfuzz_protocol::START_FILE;

use crate::util::library::{Kind, Library};

const LAUNCHER: Library = Library {
    what: "the launcher of bundles",
    file: "sockfuzz-launcher",
    package: "sockfuzz-launcher",
    kind: Kind::StaticProgram,
    sources: &["fuzz/launcher/src", "fuzz/launcher/Cargo.toml"],
    flag: "",
};

const START: Library = Library {
    what: "the library that starts the launcher",
    file: START_FILE,
    package: "sockfuzz-start",
    kind: Kind::Shared,
    sources: &["fuzz/start/src", "fuzz/start/Cargo.toml"],
    flag: "",
};

/// Returns the path of the library that starts the launcher: see [`Library::locate`].
///
/// # Errors
/// When it is missing and cannot be built.
pub fn locate_start() -> Result<PathBuf> {
    START.locate(None)
}

/// Returns the path of the launcher: see [`Library::locate`].
///
/// # Errors
/// When it is missing and cannot be built.
pub fn locate() -> Result<PathBuf> {
    LAUNCHER.locate(None)
}
