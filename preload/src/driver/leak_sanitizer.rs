//! LeakSanitizer's check of a process that has done its work. By default, LeakSanitizer checks at exit, but servers do
//! not exit. The preload does not make them exit either, because their exit handlers would free leaked memory.

use std::sync::OnceLock;

use libloading::os::unix::Library;

/// Function of LeakSanitizer, alone or within AddressSanitizer, that ends the process if it finds a
/// leak (compiler-rt's include/sanitizer/lsan_interface.h). It does nothing where `detect_leaks=0`.
const DO_LEAK_CHECK: &[u8] = b"__lsan_do_leak_check\0";

static CHECK: OnceLock<unsafe extern "C" fn()> = OnceLock::new();

/// Looks up LeakSanitizer. To be called before the server's `main`: the dynamic loader uses the server's heap.
pub(super) fn find() {
    // SAFETY: `get` requires the symbol's type: compiler-rt's function of this name takes and returns nothing.
    if let Ok(check) = unsafe { Library::this().get(DO_LEAK_CHECK) } {
        let _ = CHECK.set(*check);
    }
}

/// Checks for leaks if LeakSanitizer is in the process.
pub(super) fn check() {
    if let Some(check) = CHECK.get() {
        // SAFETY: the function takes no arguments and may be called at any time (lsan_interface.h).
        unsafe { check() }
    }
}
