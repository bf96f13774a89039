//! Runtime of gcc's `--coverage`. Each executable and library has its own, hidden from the loader. It merges what a
//! process has counted into one file for each object file, and locks the file meanwhile (gcc's manual, "Profiling and
//! Test Coverage in Freestanding Environments", names the function).

use std::ffi::{CStr, OsString, c_void};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::OnceLock;
use std::{env, fs, io};

use crate::sys::{environment, symbols};

/// Function that writes the counters.
const DUMP_NAME: &CStr = c"__gcov_dump";

/// Variable with the directory below which the files are (gcc's manual, "Data File Relocation to Support
/// Cross-Profiling").
const PREFIX_VARIABLE: &str = "GCOV_PREFIX";

/// Extension of the files.
const EXTENSION: &str = "gcda";

type Dump = unsafe extern "C" fn();

/// Functions that write the counters, of all objects that have one.
static DUMPS: OnceLock<Vec<Dump>> = OnceLock::new();

/// [`PREFIX_VARIABLE`] and its value at the start: the runtime reads it when it writes, and servers clear their
/// environment.
static PREFIX: OnceLock<(OsString, OsString)> = OnceLock::new();

/// Finds the runtimes of all loaded objects, and creates their files.
pub(super) fn find() {
    let mut dumps = Vec::new();
    let prefix = env::var_os(PREFIX_VARIABLE);
    for (object, [address]) in symbols::in_each_object([DUMP_NAME]) {
        if address.is_null() {
            continue;
        }
        // SAFETY: the symbol is that of a function without parameters and result, in every gcc since 11.
        dumps.push(unsafe { std::mem::transmute::<*mut c_void, Dump>(address) });
        if let Some(prefix) = &prefix {
            for path in symbols::paths_in(&object, EXTENSION) {
                // The runtime itself reports a file that it cannot write.
                let _ = create(Path::new(prefix), &path);
            }
        }
    }
    if let Some(prefix) = prefix {
        let _ = PREFIX.set((PREFIX_VARIABLE.into(), prefix));
    }
    let _ = DUMPS.set(dumps);
}

/// Creates an empty file that any user may write, with its directories: a worker gives up its rights before it writes, and
/// another process may have created the file by then.
fn create(prefix: &Path, path: &str) -> io::Result<()> {
    let file = prefix.join(path.trim_start_matches('/'));
    let directory = file.parent().unwrap_or(prefix);
    if !directory.is_dir() {
        fs::create_dir_all(directory)?;
        for parent in directory.ancestors().take_while(|parent| parent.starts_with(prefix)) {
            fs::set_permissions(parent, fs::Permissions::from_mode(0o777))?;
        }
    }
    fs::File::create_new(&file)?.set_permissions(fs::Permissions::from_mode(0o666))
}

/// Whether there is a runtime.
pub(super) fn is_on() -> bool {
    DUMPS.get().is_some_and(|dumps| !dumps.is_empty())
}

/// Writes the counters. Another call in the same process has no effect.
pub(super) fn dump() {
    if !is_on() {
        return;
    }
    if let Some(prefix) = PREFIX.get() {
        // SAFETY: the process is about to end, and what else it does in the meantime is to wait. A thread that reads the
        // environment nevertheless finds the former array or the new one, because neither is freed.
        unsafe { environment::set(std::slice::from_ref(prefix)) };
    }
    for dump in DUMPS.get().into_iter().flatten() {
        // SAFETY: the function has no precondition; it takes a lock against other calls in this process.
        unsafe { dump() };
    }
}
