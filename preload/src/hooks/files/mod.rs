//! Functions that take a path, for files that are at another place than where the server looks for them
//! ([`crate::sys::relocation`]). A path in /old is always translated, also if nothing is at /new, or if something is at
//! /old: so it does not depend on the machine which file the server finds, and what it creates is found again.
//!
//! Results are translated back where they are paths that libc has composed: getcwd(3) and realpath(3), which servers
//! compare with paths of their configuration to see whether a file is below a directory.
//!
//! Files that libc opens by itself (locales, time zones, users), and those that the loader looks for (DT_NEEDED,
//! DT_RUNPATH), are not seen here. Nor are the targets of symbolic links, which the kernel follows.

pub(crate) mod attributes;
pub(crate) mod changes;
pub(crate) mod glob;
mod loading;
pub(crate) mod opening;
pub(crate) mod places;
pub(crate) mod programs;
pub(super) mod sockets;
pub(crate) mod templates;

/// Defines hooks that pass translated paths, and the other arguments unchanged, to the real function. The parameters
/// that are paths are named first.
macro_rules! follow_paths {
    ($($(#[$attribute:meta])* [$($path:ident),+] fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        $(
            $(#[$attribute])*
            pub(crate) unsafe fn $name($($argument: $type),*) -> $result {
                // SAFETY: the caller upholds the contract of the libc function, so nobody changes the paths during the
                // call. It holds for the translated paths, too.
                unsafe { $crate::hooks::files::follow_paths!(@call $($path)+, real::$name($($argument),*)) }
            }
        )*
    };
    (@call $path:ident, $call:expr) => { relocation::follow($path, |$path| $call) };
    (@call $path:ident $other:ident, $call:expr) => {
        relocation::follow($path, |$path| relocation::follow($other, |$other| $call))
    };
}

use follow_paths;
