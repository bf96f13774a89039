//! Sockets that other programs have bound to paths (unix(7)): the system's log, a container engine, a database. No
//! network namespace separates them and no read-only mount protects them, so each is hidden below another file.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use memchr::memmem;
use rustix::fs::{CWD, FileType, stat};
use rustix::mount::{MoveMountFlags, OpenTreeFlags, move_mount, open_tree};

/// What a connection to it fails with ECONNREFUSED.
const NO_SOCKET: &str = "/dev/null";

/// What is known of all sockets of the network namespace (proc(5)).
const TABLE: &str = "/proc/net/unix";

/// The paths in the table. To be called before the network namespace is left.
pub(super) fn paths() -> Vec<PathBuf> {
    let table = fs::read(TABLE).unwrap_or_default();
    let mut paths: Vec<_> = table.split(|&byte| byte == b'\n').filter_map(path).map(PathBuf::from).collect();
    paths.sort_unstable();
    paths.dedup();
    paths
}

/// Where one is absolute: what another is relative to, the table does not say.
fn path(line: &[u8]) -> Option<&Path> {
    let start = memmem::find(line, b" /")? + 1;
    Some(Path::new(std::ffi::OsStr::from_bytes(&line[start..])))
}

/// Hides these, in a mount namespace of the server's own, but for those below `writable`. What it cannot find, because
/// it is not there any more or the user may not look there, the server cannot find either.
pub(super) fn hide(paths: &[PathBuf], writable: &[PathBuf]) {
    let is_given = |path: &Path| writable.iter().any(|given| path.starts_with(given));
    let is_socket = |path: &Path| {
        stat(path).is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::Socket)
    };
    for path in paths.iter().filter(|path| !is_given(path) && is_socket(path)) {
        let copy =
            open_tree(CWD, NO_SOCKET, OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC);
        // One that has gone meanwhile needs no hiding.
        let _ =
            copy.and_then(|copy| move_mount(&copy, c"", CWD, path, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_paths_only() {
        let line = |name: &str| format!("00000000eb335cf6: 00000002 00000000 00010000 0001 01   135{name}");
        assert_eq!(path(line(" /run/a socket").as_bytes()), Some(Path::new("/run/a socket")));
        assert_eq!(path(line(" ./relative").as_bytes()), None);
        assert_eq!(path(line(" @abstract").as_bytes()), None);
        assert_eq!(path(line("").as_bytes()), None);
    }
}
