//! Read-only mounts, except for writable paths, in a namespace of the server's own (mount_namespaces(7),
//! mount_setattr(2)). They also protect modes, owners and times of files, which no Landlock rule covers.

use std::env;
use std::fs;
use std::mem::size_of;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, chmod, mkdir, openat, stat};
use rustix::io::{self, Errno};
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, OpenTreeFlags, fsconfig_create,
    fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, move_mount, open_tree,
};
use rustix::process::chdir;
use rustix::thread::UnshareFlags;
use syscalls::{Sysno, syscall};

use super::unshare;
use crate::sys::report;

/// Directories for temporary files and POSIX shared memory, at the paths that programs expect (hier(7)). Their content
/// stays visible. Files that the server writes there vanish with the last process of the namespace.
const TEMPORARY: [&str; 3] = ["/tmp", "/var/tmp", SCRATCH];

/// Mount point of the scratch file system, which stores all files written to [`TEMPORARY`]. An overlay hides it later.
const SCRATCH: &str = "/dev/shm";

/// Size of the scratch file system, which all temporary directories share.
const SCRATCH_SIZE: &str = "256m";

/// Makes the file system read-only except for `writable` and the temporary directories. Returns the temporary
/// directories that the kernel could provide.
pub(super) fn make_read_only(writable: &[PathBuf]) -> io::Result<Vec<PathBuf>> {
    unshare(UnshareFlags::NEWNS)?;
    let kept: Vec<_> = writable.iter().map(|path| (path, copy_of(path))).collect();
    set_read_only()?;
    let temporary = make_temporary().unwrap_or_default();
    for (path, copy) in kept {
        if let Err(error) = copy.and_then(|copy| put(&copy, path)) {
            report::emit(format_args!("the server cannot write to {}: {error}", path.display()));
        }
    }
    // The working directory still refers to the directory below the new mounts.
    if let Ok(here) = env::current_dir() {
        let _ = chdir(here);
    }
    if let Some(first) = temporary.first() {
        // SAFETY: no other thread uses the environment: before `main`, the process has one thread.
        unsafe { env::set_var("TMPDIR", first) };
    }
    Ok(temporary)
}

/// Mounts a writable overlay over each temporary directory (Documentation/filesystems/overlayfs.rst).
fn make_temporary() -> io::Result<Vec<PathBuf>> {
    let below = openat(CWD, SCRATCH, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
    put(&scratch()?, Path::new(SCRATCH))?;
    // Makes all overlays before it mounts one, because the last of them hides the scratch file system. The lower
    // directory of that one is the directory that the scratch file system hides now.
    let lower = |path: &'static str| match path {
        SCRATCH => format!("/proc/self/fd/{}", below.as_raw_fd()),
        _ => path.to_owned(),
    };
    let layers: Vec<_> = TEMPORARY
        .into_iter()
        .enumerate()
        .filter(|(_, path)| Path::new(path).is_dir() && !has_mounts_below(path))
        .filter_map(|(index, path)| Some((path, layer(&lower(path), index).ok()?)))
        .collect();
    let is_laid = |(path, layer): &(&str, OwnedFd)| put(layer, Path::new(path)).is_ok();
    let mut laid: Vec<_> =
        layers.iter().filter(|layer| is_laid(layer)).map(|(path, _)| PathBuf::from(path)).collect();
    if !laid.iter().any(|path| path == Path::new(SCRATCH)) {
        // Without an overlay, the scratch file system is visible there. It holds only the other overlays' directories.
        laid.push(SCRATCH.into());
    }
    Ok(laid)
}

/// Makes an overlay over `lower`, which stores changes in directories of the scratch file system with this number.
fn layer(lower: &str, number: usize) -> io::Result<OwnedFd> {
    let [upper, work] = ["upper", "work"].map(|kind| format!("{SCRATCH}/.{kind}-{number}"));
    // The overlay shows the mode of its upper directory.
    let found = stat(lower)?;
    for directory in [&upper, &work] {
        mkdir(directory.as_str(), Mode::RWXU)?;
    }
    chmod(upper.as_str(), Mode::from_raw_mode(found.st_mode))?;
    let overlay = fsopen(c"overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
    for (key, value) in [(c"lowerdir", lower), (c"upperdir", &upper), (c"workdir", &work)] {
        fsconfig_set_string(&overlay, key, value)?;
    }
    // In a user namespace, overlayfs may use only `user.*` attributes to mark hidden files.
    fsconfig_set_flag(&overlay, c"userxattr")?;
    fsconfig_create(&overlay)?;
    fsmount(
        &overlay,
        FsMountFlags::FSMOUNT_CLOEXEC,
        MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV,
    )
}

/// Whether something is mounted below a directory, which an overlay would hide.
fn has_mounts_below(directory: &str) -> bool {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let points = mounts.lines().filter_map(|line| line.split_whitespace().nth(4));
    points.into_iter().any(|point| point.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/')))
}

/// Clones the mount of the tree at a path. The clone is not attached to any path yet.
pub(super) fn copy_of(path: &Path) -> io::Result<OwnedFd> {
    let flags =
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
    open_tree(CWD, path, flags)
}

/// Attaches a mount to a path, over the present content.
pub(super) fn put(mount: &OwnedFd, path: &Path) -> io::Result<()> {
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

/// Makes all mounts read-only at once. Makes them private, too, so that later mounts outside do not appear in here.
fn set_read_only() -> io::Result<()> {
    let attributes = libc::mount_attr {
        attr_set: libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID,
        attr_clr: 0,
        propagation: libc::MS_PRIVATE,
        userns_fd: 0,
    };
    // SAFETY: the path is a C string, the structure has the size that is passed, and both outlive the call.
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
