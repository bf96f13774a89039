//! What every machine has of its own: such files stay out of a bundle.

use std::path::Path;

/// Directories of the kernel, and of the C library.
const DIRECTORIES: [&str; 9] = [
    "/proc",
    "/sys",
    "/dev",
    "/run",
    "/var/run",
    "/usr/share/zoneinfo",
    "/usr/lib/locale",
    "/usr/share/locale",
    "/etc/alternatives",
];

/// Directories for temporary files (hier(7)).
const TEMPORARY: [&str; 3] = ["/tmp", "/var/tmp", "/dev/shm"];

/// Files that describe the machine, its users and its network.
const FILES: [&str; 18] = [
    "/etc/gai.conf",
    "/etc/group",
    "/etc/host.conf",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/ld.so.preload",
    "/etc/locale.alias",
    "/etc/localtime",
    "/etc/machine-id",
    "/etc/networks",
    "/etc/nsswitch.conf",
    "/etc/passwd",
    "/etc/protocols",
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/shadow",
    "/etc/timezone",
];

/// Beginnings of the names of the C library's own libraries. They must fit the machine's dynamic linker.
const C_LIBRARY: [&str; 13] = [
    "ld-linux",
    "ld-2.",
    "libBrokenLocale.",
    "libanl.",
    "libc.so",
    "libc-2.",
    "libdl.",
    "libm.so",
    "libmvec.",
    "libnss_",
    "libpthread.",
    "libresolv.",
    "librt.",
];

/// Directories in which the dynamic linker looks for libraries by itself (ld.so(8)), with their subdirectories for one
/// architecture.
const LIBRARY_DIRECTORIES: [&str; 5] = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib"];

/// Directories that hold the files of many programs. Single files of them are relocated, never the whole directory.
const SHARED: [&str; 21] = [
    "/etc/ssl",
    "/etc/ssl/certs",
    "/usr/bin",
    "/usr/include",
    "/usr/lib",
    "/usr/lib64",
    "/usr/libexec",
    "/usr/local",
    "/usr/local/bin",
    "/usr/local/lib",
    "/usr/local/sbin",
    "/usr/local/share",
    "/usr/sbin",
    "/usr/share",
    "/usr/share/ca-certificates",
    "/var/cache",
    "/var/lib",
    "/var/log",
    "/var/spool",
    "/var/tmp",
    "/var/www",
];

/// Whether a file belongs to the machine.
#[must_use]
pub fn owns(path: &Path) -> bool {
    let is_below = |directory: &&str| path.starts_with(directory);
    let is_gconv = || path.components().any(|component| component.as_os_str() == "gconv");
    DIRECTORIES.iter().any(is_below)
        || FILES.iter().any(|file| path == Path::new(file))
        || (is_library(path) && is_c_library(path))
        || (path.starts_with("/usr/lib") && is_gconv())
}

/// Whether a path is among temporary files.
#[must_use]
pub fn is_temporary(path: &Path) -> bool {
    TEMPORARY.iter().any(|directory| path.starts_with(directory))
}

/// Whether a file is a shared library that the dynamic linker finds by its name.
#[must_use]
pub fn is_library(path: &Path) -> bool {
    let Some(parent) = path.parent() else { return false };
    let is_searched = |directory: &&str| {
        let directory = Path::new(directory);
        parent == directory || is_for_architecture(parent, directory)
    };
    has_library_name(path) && LIBRARY_DIRECTORIES.iter().any(is_searched)
}

/// Whether a file has the name of a shared library.
#[must_use]
pub fn has_library_name(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.ends_with(".so") || name.contains(".so.")
}

/// Whether a directory holds the files of many programs.
#[must_use]
pub fn is_shared(directory: &Path) -> bool {
    let depth = directory.components().count() - 1;
    let is_home = directory.parent() == Some(Path::new("/home"));
    let is_listed = SHARED.iter().any(|shared| directory == Path::new(shared));
    let is_library_directory =
        LIBRARY_DIRECTORIES.iter().any(|it| is_for_architecture(directory, Path::new(it)));
    depth <= 1 || is_home || is_listed || is_library_directory
}

fn is_for_architecture(directory: &Path, parent: &Path) -> bool {
    directory.parent() == Some(parent) && directory.to_string_lossy().ends_with("-linux-gnu")
}

fn is_c_library(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    C_LIBRARY.iter().any(|beginning| name.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(path: &str) -> bool {
        owns(Path::new(path))
    }

    #[test]
    fn the_machine_keeps_its_own_files() {
        assert!(owned("/proc/self/maps") && owned("/etc/passwd") && owned("/lib/x86_64-linux-gnu/libc.so.6"));
        assert!(owned("/usr/lib/x86_64-linux-gnu/gconv/gconv-modules.cache"));
        assert!(!owned("/etc/nginx/nginx.conf") && !owned("/opt/app/libc.so.6"));
        assert!(!owned("/usr/lib/x86_64-linux-gnu/libpcre2-8.so.0"));
    }

    #[test]
    fn libraries_are_those_that_the_linker_finds() {
        assert!(is_library(Path::new("/usr/lib/x86_64-linux-gnu/libz.so.1")));
        assert!(!is_library(Path::new("/usr/lib/apache2/modules/mod_dir.so")));
    }

    #[test]
    fn shared_directories_are_never_relocated_as_a_whole() {
        let shared = |path: &str| is_shared(Path::new(path));
        assert!(shared("/") && shared("/etc") && shared("/usr/lib/x86_64-linux-gnu") && shared("/home/ann"));
        assert!(!shared("/etc/nginx") && !shared("/opt/app") && !shared("/home/ann/app"));
    }
}
