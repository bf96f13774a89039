//! Runtime of gcc's `--coverage`. Each executable and library has its own, hidden from the loader. It merges what a
//! process has counted into one file for each object file, and locks the file meanwhile (gcc's manual, "Profiling and
//! Test Coverage in Freestanding Environments", names the function).

use std::ffi::c_void;
use std::sync::OnceLock;

use crate::sys::symbols;

type Dump = unsafe extern "C" fn();

/// Functions that write the counters, of all objects that have one.
static DUMPS: OnceLock<Vec<Dump>> = OnceLock::new();

/// Finds the runtimes of all loaded objects.
pub(super) fn find() {
    let as_dump = |(_, [address]): (String, [*mut c_void; 1])| {
        // SAFETY: the symbol is that of a function without parameters and result, in every gcc since 11.
        (!address.is_null()).then(|| unsafe { std::mem::transmute::<*mut c_void, Dump>(address) })
    };
    let found = symbols::in_each_object([c"__gcov_dump"]).filter_map(as_dump).collect();
    let _ = DUMPS.set(found);
}

/// Whether there is a runtime.
pub(super) fn is_on() -> bool {
    DUMPS.get().is_some_and(|dumps| !dumps.is_empty())
}

/// Writes the counters. Another call in the same process has no effect.
pub(super) fn dump() {
    for dump in DUMPS.get().into_iter().flatten() {
        // SAFETY: the function has no precondition; it takes a lock against other calls in this process.
        unsafe { dump() };
    }
}
