//! Cases with one crash in 100 inputs, for any server: a library that is preloaded before the one of
//! sockfuzz aborts the server on some inputs. The server itself is unchanged.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::options::PreloadOptions;
use crate::util::workspace::Workspace;

const SOURCE: &str = "harness/bench/crash_in_100.c";
const LIBRARY: &str = "bench/crash_in_100.so";

/// Returns a function that adds this library to the options of a server.
pub(super) fn options(workspace: &Workspace, library: &Path) -> impl Fn(&PreloadOptions) -> PreloadOptions {
    let list = format!("{}:{}", built(workspace).display(), library.display());
    move |options| options.with("AFL_PRELOAD", list.clone())
}

fn built(workspace: &Workspace) -> PathBuf {
    workspace.target(LIBRARY)
}

/// Compiles the library.
pub(super) fn build(workspace: &Workspace) -> Result<()> {
    let library = built(workspace);
    std::fs::create_dir_all(workspace.target("bench"))?;
    let mut compiler = Command::new("cc");
    compiler.args(["-O2", "-fPIC", "-shared", "-Wall", "-o"]).arg(library).arg(SOURCE).arg("-ldl");
    workspace.build(compiler, "the library that plants crashes")
}
