//! Directories of the user for files of sockfuzz (XDG Base Directory Specification).

use std::path::PathBuf;

use xdg::BaseDirectories;

use crate::util::problem::Problem;

/// Returns the directory below which programs keep data of the user (XDG_DATA_HOME); `None` without a home directory.
#[must_use]
pub fn data_home() -> Option<PathBuf> {
    BaseDirectories::new().get_data_home()
}

/// Returns a path below the data directory of sockfuzz.
///
/// # Errors
/// When the user has no home directory.
pub fn data(relative: &str) -> Result<PathBuf, Problem> {
    let own = BaseDirectories::with_prefix("sockfuzz").get_data_home();
    own.map(|own| own.join(relative)).ok_or_else(|| no_home("XDG_DATA_HOME"))
}

/// Returns a path below the cache directory of sockfuzz.
///
/// # Errors
/// Without a home directory.
pub fn cache(relative: &str) -> Result<PathBuf, Problem> {
    let own = BaseDirectories::with_prefix("sockfuzz").get_cache_home();
    own.map(|own| own.join(relative)).ok_or_else(|| no_home("XDG_CACHE_HOME"))
}

fn no_home(variable: &str) -> Problem {
    Problem::failed("this user has no home directory (HOME is not set)", format!("set HOME, or {variable}"))
}
