//! A file system that is read-only except where told, down to modes, owners and times, which no
//! Landlock rule covers: mounts of our own (mount_namespaces(7), mount_setattr(2)).

use std::env;
use std::mem::size_of;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::CWD;
use rustix::io::{self, Errno};
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, OpenTreeFlags, fsconfig_create,
    fsconfig_set_string, fsmount, fsopen, move_mount, open_tree,
};
use rustix::process::chdir;
use rustix::thread::UnshareFlags;
use syscalls::{Sysno, syscall};

use super::unshare;
use crate::sys::report;

/// A directory that vanishes with the last process of the namespace: the server's temporary
/// directory, and its POSIX shared memory.
pub(super) const SCRATCH: &str = "/dev/shm";

/// How much fits into the scratch directory.
const SCRATCH_SIZE: &str = "256m";

/// Makes everything read-only but `writable`; whether there is a scratch directory.
pub(super) fn make_read_only(writable: &[PathBuf]) -> io::Result<bool> {
    unshare(UnshareFlags::NEWNS)?;
    let kept: Vec<_> = writable.iter().map(|path| (path, writable_copy(path))).collect();
    set_read_only()?;
    for (path, copy) in kept {
        if let Err(error) = copy.and_then(|copy| put(&copy, path)) {
            report::emit(format_args!("the server cannot write to {}: {error}", path.display()));
        }
    }
    // The working directory is still the one below the new mounts.
    if let Ok(here) = env::current_dir() {
        let _ = chdir(here);
    }
    let scratch = scratch().and_then(|scratch| put(&scratch, Path::new(SCRATCH))).is_ok();
    if scratch {
        // SAFETY: the process has one thread: its `main` has not begun.
        unsafe { env::set_var("TMPDIR", SCRATCH) };
    }
    Ok(scratch)
}

fn writable_copy(path: &Path) -> io::Result<OwnedFd> {
    let flags =
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
    open_tree(CWD, path, flags)
}

fn put(mount: &OwnedFd, path: &Path) -> io::Result<()> {
    move_mount(mount, c"", CWD, path, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
}

fn scratch() -> io::Result<OwnedFd> {
    let tmpfs = fsopen(c"tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_string(&tmpfs, c"size", SCRATCH_SIZE)?;
    fsconfig_set_string(&tmpfs, c"mode", c"1777")?;
    fsconfig_create(&tmpfs)?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
    fsmount(&tmpfs, FsMountFlags::FSMOUNT_CLOEXEC, attributes)
}

/// All mounts at once. Private: what is mounted outside later does not appear writable in here.
fn set_read_only() -> io::Result<()> {
    let attributes = libc::mount_attr {
        attr_set: libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID,
        attr_clr: 0,
        propagation: libc::MS_PRIVATE,
        userns_fd: 0,
    };
    // SAFETY: the path and the structure outlive the call, whose arguments are those of the manual.
    let result = unsafe {
        syscall!(
            Sysno::mount_setattr,
            CWD.as_raw_fd(),
            c"/".as_ptr(),
            libc::AT_RECURSIVE,
            &raw const attributes,
            size_of::<libc::mount_attr>()
        )
    };
    result.map(drop).map_err(|error| Errno::from_raw_os_error(error.into_raw()))
}
