//! The GNU C library of this machine. The launcher is linked statically, so that it can say that this library is too old,
//! where any other program of the bundle would only fail to start.

use std::fs;
use std::path::{Path, PathBuf};

/// Directories in which ld.so(8) looks for libraries, on Debian and on others.
const DIRECTORIES: [&str; 6] = [
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib/aarch64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/lib64",
    "/usr/lib64",
];

/// File name of the library.
const FILE: &str = "libc.so.6";

/// Returns the path of the machine's GNU C library.
#[must_use]
pub fn locate() -> Option<PathBuf> {
    DIRECTORIES.iter().map(|directory| Path::new(directory).join(FILE)).find(|path| path.exists())
}

/// Returns the newest version that a C library defines, such as `2.36`: it names all of them (`GLIBC_2.36`).
#[must_use]
pub fn version(library: &Path) -> Option<String> {
    let bytes = fs::read(library).ok()?;
    newest_version(&bytes)
}

/// Whether a version, such as `2.36`, is at least another one.
#[must_use]
pub fn is_at_least(version: &str, required: &str) -> bool {
    numbers(version) >= numbers(required)
}

fn newest_version(bytes: &[u8]) -> Option<String> {
    let prefix = b"\0GLIBC_2.";
    let names = memchr::memmem::find_iter(bytes, prefix).filter_map(|at| {
        let rest = &bytes[at + prefix.len()..];
        let end = memchr::memchr(0, rest)?;
        std::str::from_utf8(&rest[..end]).ok().filter(|name| numbers(name).is_some())
    });
    names.max_by_key(|name| numbers(name)).map(|name| format!("2.{name}"))
}

/// Parses numbers between dots. Names such as `2.PRIVATE` are none.
fn numbers(version: &str) -> Option<Vec<u32>> {
    version.split('.').map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_is_found() {
        assert_eq!(
            newest_version(b"\0GLIBC_2.9\0GLIBC_2.2.5\0GLIBC_2.36\0GLIBC_2.PRIVATE\0"),
            Some("2.36".into())
        );
        assert_eq!(newest_version(b"musl"), None);
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(is_at_least("2.36", "2.4"));
        assert!(is_at_least("2.36", "2.36"));
        assert!(!is_at_least("2.31", "2.34"));
    }

    #[test]
    fn this_machine_has_one() {
        let version = version(&locate().expect("a GNU system")).expect("versions");
        assert!(is_at_least(&version, "2.17"), "{version}");
    }
}
