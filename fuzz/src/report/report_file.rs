//! File of a report. Only a file that is an earlier report is ever replaced.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::NamedTempFile;

use crate::util::problem::Problem;

/// Mark of every report, near its start: the name of the generator without its version.
const MARK: &[u8] = b"sockfuzz report ";

/// Number of bytes in which the mark is looked for.
const MARK_WITHIN_BYTES: u64 = 1024;

/// Permissions of the file, before the user's umask.
const MODE: u32 = 0o644;

/// Writes the file by way of a temporary one beside it, so that it is never half-written.
///
/// # Errors
/// When the path is something other than an earlier report, or cannot be written.
pub fn write(path: &Path, content: &str) -> Result<()> {
    require_replaceable(path)?;
    write_beside(&directory_of(path), path, content)
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Checks that [`write()`] will find a directory, and nothing of the user at the path.
///
/// # Errors
/// When it will not.
pub fn require_writable(path: &Path) -> Result<(), Problem> {
    let directory = directory_of(path);
    if !directory.is_dir() {
        return Err(Problem::failed(
            format!("{} cannot be written: {} is no directory", path.display(), directory.display()),
            "create the directory, or give another file",
        ));
    }
    require_replaceable(path)
}

fn directory_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(directory) if directory != Path::new("") => directory.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn write_beside(directory: &Path, path: &Path, content: &str) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mut file: NamedTempFile = tempfile::Builder::new()
        .prefix(".sockfuzz-report")
        .permissions(fs::Permissions::from_mode(MODE))
        .tempfile_in(directory)?;
    file.write_all(content.as_bytes())?;
    file.persist(path)?;
    Ok(())
}

fn require_replaceable(path: &Path) -> Result<(), Problem> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Ok(metadata) if metadata.is_file() && is_report(path) => Ok(()),
        _ => Err(Problem::failed(
            format!("{} exists, and is no report of sockfuzz", path.display()),
            "give another name, or move it away; nothing was changed",
        )),
    }
}

fn is_report(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MARK_WITHIN_BYTES).read_to_end(&mut start));
    read.is_ok() && start.windows(MARK.len()).any(|window| window == MARK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_reports_are_replaced() {
        let directory = tempfile::tempdir().expect("tempdir");
        let path = directory.path().join("report.html");
        write(&path, "<meta content=\"sockfuzz report 0.2.0\">").expect("new");
        write(&path, "<meta content=\"sockfuzz report 0.3.0\">").expect("an earlier report");
        fs::write(&path, "my thesis").expect("write");
        let error = write(&path, "x").expect_err("a file of the user");
        assert!(error.to_string().contains("is no report"), "{error}");
        assert_eq!(fs::read_to_string(&path).expect("there"), "my thesis");
        write(directory.path(), "x").expect_err("a directory");
        let link = directory.path().join("link");
        std::os::unix::fs::symlink("nowhere", &link).expect("symlink");
        write(&link, "x").expect_err("a link");
        assert_eq!(fs::read_dir(directory.path()).expect("there").count(), 2, "no temporary file is left");
    }
}
