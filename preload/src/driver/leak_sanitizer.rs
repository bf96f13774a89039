//! LeakSanitizer looks when a process exits, which a server does not do, and is not made to by us:
//! its exit handlers would free what it has lost. So it is asked when a process has done its work.

use std::sync::OnceLock;

use libloading::os::unix::Library;

/// Function of LeakSanitizer, alone or within AddressSanitizer, that ends the process if it finds a
/// leak (compiler-rt's include/sanitizer/lsan_interface.h). It does nothing where `detect_leaks=0`.
const DO_LEAK_CHECK: &[u8] = b"__lsan_do_leak_check\0";

static CHECK: OnceLock<unsafe extern "C" fn()> = OnceLock::new();

/// Looks for LeakSanitizer. To be called before the server's `main`: the loader uses the server's heap.
pub(super) fn find() {
    // SAFETY: a function of this name has this type.
    if let Ok(check) = unsafe { Library::this().get(DO_LEAK_CHECK) } {
        let _ = CHECK.set(*check);
    }
}

/// Checks for leaks where LeakSanitizer is in the process.
pub(super) fn check() {
    if let Some(check) = CHECK.get() {
        // SAFETY: it may be called at any time.
        unsafe { check() }
    }
}
