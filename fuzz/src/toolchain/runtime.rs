//! AFL++'s runtime, an object file that is linked into every instrumented executable.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::campaign::cargo_afl::{self, CargoAfl};
use crate::util::problem::Problem;

/// File name of the runtime.
const FILE: &str = "afl-compiler-rt.o";

/// Finds the runtime: in `AFL_PATH`, as AFL++'s own compilers do, otherwise the newest that cargo-afl has built. Installs
/// cargo-afl if there is none.
///
/// # Errors
/// An `AFL_PATH` without the runtime, and an installation that fails.
pub fn find_or_install() -> Result<PathBuf> {
    if let Some(directory) = env::var_os("AFL_PATH") {
        let file = Path::new(&directory).join(FILE);
        return match file.is_file() {
            true => Ok(file),
            false => Err(Problem::failed(
                format!("AFL_PATH has no {FILE}"),
                "unset AFL_PATH, so that sockfuzz takes the one of cargo-afl",
            )
            .into()),
        };
    }
    if let Some(found) = newest() {
        return Ok(found);
    }
    CargoAfl::find_or_install()?;
    newest().ok_or_else(|| {
        Problem::failed(
            format!("cargo-afl has built no {FILE}"),
            "run cargo afl config --build --force, then start again",
        )
        .into()
    })
}

/// Returns the newest runtime below the data directories of cargo-afl. (Asking cargo-afl would take longer than compiling
/// a small file.)
fn newest() -> Option<PathBuf> {
    let data = cargo_afl::data_directories().into_iter().map(|data| data.join("afl.rs"));
    let compilers = data.flat_map(|data| directories_below(&data, "rustc-"));
    let versions = compilers.flat_map(|compiler| directories_below(&compiler, "afl.rs-"));
    let files = versions.map(|version| version.join("afl-llvm").join(FILE));
    files
        .filter_map(|file| Some((fs::metadata(&file).ok()?.modified().ok()?, file)))
        .max()
        .map(|(_, file)| file)
}

fn directories_below(directory: &Path, prefix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let matching = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix));
    matching.map(|entry| entry.path()).collect()
}
