//! Sockets that other programs have bound to paths (unix(7)): the system's log, a container engine, a database. Neither
//! a network namespace nor a read-only mount protects them, so each is hidden by a mount of another file.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use memchr::memmem;
use rustix::fs::{FileType, stat};

use super::mounts;

/// File that is not a socket, so that a connection to it fails with ECONNREFUSED (connect(2)).
const NO_SOCKET: &str = "/dev/null";

/// Kernel's table of all UNIX sockets in the network namespace, one per line (proc_pid_net(5)).
const TABLE: &str = "/proc/net/unix";

/// Returns the absolute paths in the table. Must be called before this process leaves the network namespace.
pub(super) fn paths() -> Vec<PathBuf> {
    let table = fs::read(TABLE).unwrap_or_default();
    let mut paths: Vec<_> = table.split(|&byte| byte == b'\n').filter_map(path).map(PathBuf::from).collect();
    paths.sort_unstable();
    paths.dedup();
    paths
}

/// Returns the path on a line of the table, if it is absolute. The table does not name the base of a relative path.
fn path(line: &[u8]) -> Option<&Path> {
    let start = memmem::find(line, b" /")? + 1;
    Some(Path::new(std::ffi::OsStr::from_bytes(&line[start..])))
}

/// Hides the sockets at these paths, except those below `writable`. Must be called in a mount namespace of the server's
/// own. Skips paths at which this process finds no socket: the server runs as the same user, and finds none either.
pub(super) fn hide(paths: &[PathBuf], writable: &[PathBuf]) {
    let is_given = |path: &Path| writable.iter().any(|given| path.starts_with(given));
    let is_socket = |path: &Path| {
        stat(path).is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::Socket)
    };
    for path in paths.iter().filter(|path| !is_given(path) && is_socket(path)) {
        // A socket that was removed in the meantime needs no hiding.
        let _ = mounts::copy_of(Path::new(NO_SOCKET)).and_then(|copy| mounts::put(&copy, path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_absolute_paths_are_returned() {
        let line = |name: &str| format!("00000000eb335cf6: 00000002 00000000 00010000 0001 01   135{name}");
        assert_eq!(path(line(" /run/a socket").as_bytes()), Some(Path::new("/run/a socket")));
        assert_eq!(path(line(" ./relative").as_bytes()), None);
        assert_eq!(path(line(" @abstract").as_bytes()), None);
        assert_eq!(path(line("").as_bytes()), None);
    }
}
