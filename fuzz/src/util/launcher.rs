//! Path of the launcher of bundles.

use std::path::PathBuf;

use anyhow::Result;

use crate::util::library::{Kind, Library};

const LAUNCHER: Library = Library {
    what: "the launcher of bundles",
    file: "sockfuzz-launcher",
    package: "sockfuzz-launcher",
    kind: Kind::StaticProgram,
    sources: &["fuzz/launcher/src", "fuzz/launcher/Cargo.toml"],
    flag: "",
};

/// Returns the path of the launcher: see [`Library::locate`].
///
/// # Errors
/// When it is missing and cannot be built.
pub fn locate() -> Result<PathBuf> {
    LAUNCHER.locate(None)
}
