//! Programs and libraries that sockfuzz adds to a bundle: its own, and AFL++'s.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use sockfuzz_launcher::description::PROGRAMS;
use sockfuzz_launcher::launch::{SOCKFUZZ, SOCKFUZZ_FILE};
use sockfuzz_protocol::{LAUNCHER_FILE, MUTATOR_FILE, PRELOAD_FILE, START_FILE};

use crate::bundle::elf::is_elf;
use crate::bundle::machine;
use crate::bundle::needed_library;
use crate::bundle::tree::Tree;
use crate::campaign::cargo_afl::CargoAfl;
use crate::campaign::mutator;
use crate::toolchain::runtime;
use crate::util::launcher;
use crate::util::preload;
use crate::util::problem::Problem;

/// Tools of AFL++, the first of which every AFL++ has. Its corpus minimiser comes as a shell script, too, which needs no Python.
const TOOLS: [(&str, &str); 7] = [
    ("afl-fuzz", "afl-fuzz"),
    ("afl-showmap", "afl-showmap"),
    ("afl-tmin", "afl-tmin"),
    ("afl-cmin", "afl-cmin.bash"),
    ("afl-analyze", "afl-analyze"),
    ("afl-whatsup", "afl-whatsup"),
    ("afl-plot", "afl-plot"),
];

/// Marks by which tools recognise a target: AFL++ an instrumented program and one with a persistent loop (AFL++'s
/// include/config.h, SHM_ENV_VAR and PERSIST_SIG), ClusterFuzz and OSS-Fuzz a fuzz target. They stand behind the end of
/// the ELF file. Other files of a bundle without an extension must not contain the last, or they would be taken for targets.
const MARKS: &[u8] = b"\n__AFL_SHM_ID ##SIG_AFL_PERSISTENT## LLVMFuzzerTestOneInput\n";

/// The dynamic linkers of the architectures (ld.so(8)).
const LINKERS: [&str; 2] = ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"];

/// Program of the server.
#[derive(Debug)]
pub struct FuzzedProgram {
    /// Its path.
    pub program: PathBuf,
    /// Whether it contains a sanitizer's instrumentation, for which fleets look in the target itself.
    pub sanitized: bool,
}

/// Adds the programs, and copies of the launcher by which they are started.
///
/// # Errors
/// When one is missing, or cannot be copied.
pub fn add(tree: &mut Tree, files: &Path, target: &str, fuzzed: &FuzzedProgram) -> Result<Vec<PathBuf>> {
    let launcher = launcher::locate()?;
    let tools = tools_directory()?;
    let executable = env::current_exe().context("cannot find the program of sockfuzz")?;
    let mut programs = vec![
        (SOCKFUZZ_FILE, executable),
        (PRELOAD_FILE, preload::locate(None)?),
        (MUTATOR_FILE, mutator::locate()?),
    ];
    let of_afl = TOOLS.iter().map(|(name, file)| (*name, tools.join(file)));
    programs.extend(of_afl.filter(|(_, file)| file.is_file()));
    tree.copy_program(SOCKFUZZ, &launcher)?;
    let mut added = Vec::new();
    for (name, file) in programs {
        tree.copy_program(files.join(PROGRAMS).join(name), &file)?;
        if Path::new(name).extension().is_none() {
            tree.copy_program(name, &launcher)?;
        }
        added.push(file);
    }
    let read = |file: &Path| fs::read(file).with_context(|| format!("cannot read {}", file.display()));
    let target_program = match fuzzed.sanitized {
        false => read(&launcher)?,
        true => {
            let library = launcher::locate_start()?;
            let directory = files.join(PROGRAMS);
            tree.copy_program(directory.join(START_FILE), &library)?;
            tree.copy_program(directory.join(LAUNCHER_FILE), &launcher)?;
            added.push(library);
            let searched = Path::new("$ORIGIN").join(&directory).display().to_string();
            needed_library::add(&read(&fuzzed.program)?, START_FILE, &searched)
                .context("the server's executable cannot be made to start the launcher")?
        }
    };
    tree.write_program(target, &[&target_program[..], MARKS].concat())?;
    Ok(added)
}

/// Returns the libraries that a program needs and that another machine may lack, as the dynamic linker finds them.
#[must_use]
pub fn libraries_of(program: &Path) -> Vec<(OsString, PathBuf)> {
    let Some(linker) = LINKERS.iter().find(|linker| Path::new(linker).exists()) else { return Vec::new() };
    if !fs::read(program).is_ok_and(|bytes| is_elf(&bytes)) {
        return Vec::new();
    }
    let output = Command::new(linker).arg("--list").arg(program).output();
    let listed =
        output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    parse_list(&listed).filter(|(_, path)| !machine::owns(path)).collect()
}

/// Parses lines such as `libz.so.1 => /lib/x86_64-linux-gnu/libz.so.1 (0x00007f…)`.
fn parse_list(listed: &str) -> impl Iterator<Item = (OsString, PathBuf)> {
    listed.lines().filter_map(|line| {
        let (name, rest) = line.trim().split_once(" => ")?;
        let (path, _) = rest.rsplit_once(" (")?;
        path.starts_with('/').then(|| (name.into(), path.into()))
    })
}

/// Returns the directory of AFL++'s own programs: `AFL_PATH`, as AFL++'s tools do, otherwise what cargo-afl has built, which is
/// installed if need be, otherwise a directory on PATH.
fn tools_directory() -> Result<PathBuf> {
    let has_tools = |directory: &PathBuf| directory.join(TOOLS[0].0).is_file();
    if let Some(given) = env::var_os("AFL_PATH").map(PathBuf::from).filter(has_tools) {
        return Ok(given);
    }
    CargoAfl::find_or_install()?;
    let built = runtime::find_or_install().ok().and_then(|runtime| {
        // cargo-afl keeps compilers and their runtime in afl-llvm, and everything else in afl.
        Some(runtime.parent()?.parent()?.join("afl/bin"))
    });
    let on_path = which::which(TOOLS[0].0).ok().and_then(|program| Some(program.parent()?.to_owned()));
    let found = built.into_iter().chain(on_path).find(has_tools);
    found.ok_or_else(|| {
        Problem::failed(
            "the programs of AFL++ were not found",
            "unset AFL_PATH, so that sockfuzz takes those of cargo-afl; or install them (apt-get install afl++)",
        )
        .into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_the_linker_is_parsed() {
        let listed = "\tlinux-vdso.so.1 (0x1)\n\tlibz.so.1 => /lib/libz.so.1 (0x2)\n\t/lib64/ld.so (0x3)\n";
        assert_eq!(parse_list(listed).collect::<Vec<_>>(), [("libz.so.1".into(), "/lib/libz.so.1".into())]);
        assert_eq!(parse_list("\tlibgone.so.1 => not found\n").count(), 0);
    }
}
