//! A file system that is read-only except where told, down to modes, owners and times, which no
//! Landlock rule covers: mounts of our own (mount_namespaces(7), mount_setattr(2)).

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

/// Directories for temporary files and POSIX shared memory, at the places that programs have built in (hier(7)). What
/// is in them stays visible; what the server writes there vanishes with the last process of the namespace.
const TEMPORARY: [&str; 3] = ["/tmp", "/var/tmp", SCRATCH];

/// Where everything that is written to them goes, before it is hidden.
const SCRATCH: &str = "/dev/shm";

/// How much fits into all of them together.
const SCRATCH_SIZE: &str = "256m";

/// Makes everything read-only but `writable` and the temporary directories; returns these, as far as the kernel can
/// give them.
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
    // The working directory is still the one below the new mounts.
    if let Ok(here) = env::current_dir() {
        let _ = chdir(here);
    }
    if let Some(first) = temporary.first() {
        // SAFETY: the process has one thread: its `main` has not begun.
        unsafe { env::set_var("TMPDIR", first) };
    }
    Ok(temporary)
}

/// Lays a layer that can be written to over each temporary directory (Documentation/filesystems/overlayfs.rst).
fn make_temporary() -> io::Result<Vec<PathBuf>> {
    let below = openat(CWD, SCRATCH, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
    put(&scratch()?, Path::new(SCRATCH))?;
    // Before the scratch file system is hidden by the last of them: whose name is that of what was there before.
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
        // Itself, then: empty, but for the others' layers.
        laid.push(SCRATCH.into());
    }
    Ok(laid)
}

/// A layer over `lower`, kept in a directory of the scratch file system with this number.
fn layer(lower: &str, number: usize) -> io::Result<OwnedFd> {
    let [upper, work] = ["upper", "work"].map(|kind| format!("{SCRATCH}/.{kind}-{number}"));
    // With the owner and mode that the directory has.
    let found = stat(lower)?;
    for directory in [&upper, &work] {
        mkdir(directory.as_str(), Mode::RWXU)?;
    }
    chmod(upper.as_str(), Mode::from_raw_mode(found.st_mode))?;
    let overlay = fsopen(c"overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
    for (key, value) in [(c"lowerdir", lower), (c"upperdir", &upper), (c"workdir", &work)] {
        fsconfig_set_string(&overlay, key, value)?;
    }
    // In a user namespace, notes about what is hidden are attributes of the user's.
    fsconfig_set_flag(&overlay, c"userxattr")?;
    fsconfig_create(&overlay)?;
    fsmount(
        &overlay,
        FsMountFlags::FSMOUNT_CLOEXEC,
        MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV,
    )
}

/// Whether something is mounted below a directory: a layer over it would hide that.
fn has_mounts_below(directory: &str) -> bool {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let points = mounts.lines().filter_map(|line| line.split_whitespace().nth(4));
    points.into_iter().any(|point| point.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/')))
}

/// A mount of the tree at a path, not yet at any place.
pub(super) fn copy_of(path: &Path) -> io::Result<OwnedFd> {
    let flags =
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
    open_tree(CWD, path, flags)
}

/// Mounts it over what is at a path.
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
