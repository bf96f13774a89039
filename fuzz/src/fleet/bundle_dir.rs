//! Directory that is copied to the hosts: an executable `run`, and all that it needs.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use object::elf;

use crate::util::problem::Problem;

/// Program in the directory that takes the flags of `sockfuzz fuzz`.
pub const RUN: &str = "run";

/// Depth to which the directory is searched for executables.
const MAX_DEPTH: usize = 3;

/// Checked directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleDir {
    /// Its absolute path, without symbolic links.
    pub path: PathBuf,
    /// Machine that its executables are built for, by its name in uname(2); `None` if it holds no executable.
    pub machine: Option<&'static str>,
}

impl BundleDir {
    /// Checks a directory.
    ///
    /// # Errors
    /// When it has no executable `run`.
    pub fn open(path: &Path) -> Result<Self, Problem> {
        let run = path.join(RUN);
        let is_executable =
            fs::metadata(&run).is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0);
        let path = path.canonicalize().ok().filter(|_| is_executable).ok_or_else(|| {
            Problem::failed(
                format!("{} is missing or not executable", run.display()),
                "make the bundle with: sockfuzz bundle -o DIR -- SERVER; or correct `bundle` in the file of hosts",
            )
        })?;
        let machine = find_machine(&path, MAX_DEPTH);
        Ok(Self { path, machine })
    }
}

/// Returns the machine of the first executable or library.
fn find_machine(directory: &Path, depth: usize) -> Option<&'static str> {
    let entries = fs::read_dir(directory).ok()?.flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths.iter().find_map(|path| match path.is_dir() {
        true => depth.checked_sub(1).and_then(|depth| find_machine(path, depth)),
        false => machine_of(path),
    })
}

/// Returns the machine of an ELF file.
fn machine_of(file: &Path) -> Option<&'static str> {
    let mut head = [0; 20];
    File::open(file).ok()?.read_exact(&mut head).ok()?;
    let is_little_endian = head.starts_with(&elf::ELFMAG) && head[5] == elf::ELFDATA2LSB.0;
    if !is_little_endian {
        return None;
    }
    let machine = u16::from_le_bytes([head[18], head[19]]);
    [(elf::EM_X86_64, "x86_64"), (elf::EM_AARCH64, "aarch64")]
        .into_iter()
        .find(|(number, _)| number.0 == machine)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_without_run_is_no_bundle() {
        let directory = tempfile::tempdir().expect("tempdir");
        let error = BundleDir::open(directory.path()).expect_err("empty");
        assert!(error.to_string().contains("sockfuzz bundle"), "{error}");
        fs::write(directory.path().join(RUN), "#!/bin/sh\n").expect("write");
        BundleDir::open(directory.path()).expect_err("not executable");
    }

    #[test]
    fn the_machine_is_that_of_the_executables() {
        let directory = tempfile::tempdir().expect("tempdir");
        let run = directory.path().join(RUN);
        fs::write(&run, "#!/bin/sh\n").expect("write");
        fs::set_permissions(&run, fs::Permissions::from_mode(0o755)).expect("chmod");
        assert_eq!(BundleDir::open(directory.path()).expect("a bundle").machine, None);
        let own = std::env::current_exe().expect("this test");
        fs::create_dir(directory.path().join("bin")).expect("mkdir");
        std::os::unix::fs::symlink(own, directory.path().join("bin/server")).expect("symlink");
        assert_eq!(
            BundleDir::open(directory.path()).expect("a bundle").machine,
            Some(std::env::consts::ARCH)
        );
    }
}
