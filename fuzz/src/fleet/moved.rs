//! Findings that afl-fuzz has moved on a host: when it resumes, it renames `crashes` to `crashes.DATE`. What was collected
//! before is then there twice.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::campaign::findings::directory_of;
use crate::server::single_run::FindingKind;

/// Removes findings of all instances in `out` that are in a renamed directory, too.
///
/// # Errors
/// When one cannot be removed.
pub fn remove_copies(out: &Path) -> Result<()> {
    for instance in entries(out) {
        for kind in FindingKind::ALL.map(directory_of) {
            let renamed = format!("{kind}.");
            let is_renamed = |path: &PathBuf| {
                path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(renamed.as_bytes()))
            };
            for moved in entries(&instance).into_iter().filter(is_renamed).flat_map(|path| entries(&path)) {
                let earlier = instance.join(kind).join(moved.file_name().unwrap_or(OsStr::new("")));
                if is_input(&moved)
                    && fs::read(&earlier).is_ok_and(|it| fs::read(&moved).is_ok_and(|now| it == now))
                {
                    fs::remove_file(&earlier)
                        .with_context(|| format!("cannot remove {}", earlier.display()))?;
                }
            }
        }
    }
    Ok(())
}

fn is_input(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"id"))
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_that_was_moved_is_kept_once() {
        let out = tempfile::tempdir().expect("tempdir");
        for (name, content) in [
            ("a-main/crashes/id:000000,sig:06", "moved"),
            ("a-main/crashes.2026-11-29-20:44:50/id:000000,sig:06", "moved"),
            ("a-main/crashes/id:000001,sig:06", "new"),
            ("a-main/crashes.2026-11-29-20:44:50/id:000001,sig:06", "other"),
            ("a-main/crashes/id:000002,sig:06", "new, too"),
        ] {
            let path = out.path().join(name);
            fs::create_dir_all(path.parent().expect("in out")).expect("mkdir");
            fs::write(path, content).expect("write");
        }
        remove_copies(out.path()).expect("removed");
        let mut left = entries(&out.path().join("a-main/crashes"));
        left.sort();
        let left: Vec<_> = left.iter().filter_map(|path| path.file_name()).collect();
        assert_eq!(left, ["id:000001,sig:06", "id:000002,sig:06"]);
        assert_eq!(entries(&out.path().join("a-main/crashes.2026-11-29-20:44:50")).len(), 2);
    }
}
