//! System calls that take paths (syscalls(2)).

use std::collections::HashMap;
use std::sync::OnceLock;

use syscalls::Sysno;

use crate::bundle::accesses::Use;

/// System call that takes paths.
#[derive(Debug)]
pub(super) struct Call {
    name: &'static str,
    /// Its arguments that are paths.
    pub(super) paths: &'static [Argument],
    kind: CallUse,
}

/// Argument that is a path.
#[derive(Debug)]
pub(super) struct Argument {
    /// Index of the path.
    pub(super) path: usize,
    /// Index of the descriptor of the directory to which it is relative; without one, it is the working directory.
    pub(super) directory: Option<usize>,
}

#[derive(Debug)]
enum CallUse {
    /// Open, with the flags in the argument of this index.
    Open(usize),
    /// Always the same use.
    Plain(Use),
}

impl Call {
    /// Returns the use of the paths.
    pub(super) fn usage(&self, arguments: &[u64; 6]) -> Use {
        let index = match self.kind {
            CallUse::Plain(usage) => return usage,
            CallUse::Open(flags) => flags,
        };
        // The kernel takes the lower half of the register.
        let flags = arguments[index] as i32;
        if flags & libc::O_ACCMODE != libc::O_RDONLY || flags & libc::O_CREAT != 0 {
            Use::Written
        } else if flags & libc::O_DIRECTORY != 0 {
            Use::Listed
        } else {
            Use::Read
        }
    }
}

const FIRST: &[Argument] = &[Argument { path: 0, directory: None }];
const AT: &[Argument] = &[Argument { path: 1, directory: Some(0) }];
const BOTH: &[Argument] = &[Argument { path: 0, directory: None }, Argument { path: 1, directory: None }];
const BOTH_AT: &[Argument] =
    &[Argument { path: 1, directory: Some(0) }, Argument { path: 3, directory: Some(2) }];

const fn plain(name: &'static str, paths: &'static [Argument], usage: Use) -> Call {
    Call { name, paths, kind: CallUse::Plain(usage) }
}

const fn open(name: &'static str, paths: &'static [Argument], flags: usize) -> Call {
    Call { name, paths, kind: CallUse::Open(flags) }
}

/// All of them, by name, because not every architecture has each.
const CALLS: &[Call] = &[
    open("open", FIRST, 1),
    open("openat", AT, 2),
    // Its flags are in a structure; servers use it to read.
    plain("openat2", AT, Use::Read),
    plain("creat", FIRST, Use::Written),
    plain("execve", FIRST, Use::Read),
    plain("execveat", AT, Use::Read),
    plain("stat", FIRST, Use::Examined),
    plain("lstat", FIRST, Use::Examined),
    plain("newfstatat", AT, Use::Examined),
    plain("statx", AT, Use::Examined),
    plain("statfs", FIRST, Use::Examined),
    plain("access", FIRST, Use::Examined),
    plain("faccessat", AT, Use::Examined),
    plain("faccessat2", AT, Use::Examined),
    plain("readlink", FIRST, Use::Examined),
    plain("readlinkat", AT, Use::Examined),
    plain("chdir", FIRST, Use::Examined),
    plain("mkdir", FIRST, Use::Made),
    plain("mkdirat", AT, Use::Made),
    plain("rmdir", FIRST, Use::Written),
    plain("unlink", FIRST, Use::Written),
    plain("unlinkat", AT, Use::Written),
    plain("rename", BOTH, Use::Written),
    plain("renameat", BOTH_AT, Use::Written),
    plain("renameat2", BOTH_AT, Use::Written),
    plain("truncate", FIRST, Use::Written),
    plain("chmod", FIRST, Use::Written),
    plain("fchmodat", AT, Use::Written),
];

/// Returns the call with this number.
pub(super) fn of_number(number: u64) -> Option<&'static Call> {
    static BY_NUMBER: OnceLock<HashMap<u64, &'static Call>> = OnceLock::new();
    let numbered = || {
        let known =
            CALLS.iter().filter_map(|call| Some((u64::from(call.name.parse::<Sysno>().ok()? as u32), call)));
        known.collect()
    };
    BY_NUMBER.get_or_init(numbered).get(&number).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_decide_how_a_file_is_used() {
        let openat = of_number(Sysno::openat as u64).expect("known");
        let usage = |flags: i32| openat.usage(&[0, 0, u64::from(flags.cast_unsigned()), 0, 0, 0]);
        assert_eq!(usage(libc::O_RDONLY | libc::O_CLOEXEC), Use::Read);
        assert_eq!(usage(libc::O_RDONLY | libc::O_DIRECTORY), Use::Listed);
        assert_eq!(usage(libc::O_WRONLY | libc::O_APPEND), Use::Written);
    }

    #[test]
    fn calls_without_paths_are_unknown() {
        assert!(of_number(Sysno::read as u64).is_none());
    }
}
