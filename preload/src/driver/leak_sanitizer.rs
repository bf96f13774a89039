//! LeakSanitizer looks when a process exits, which a server does not do, and is not made to by us:
//! its exit handlers would free what it has lost. So it is asked when a process has done its work.

use libloading::os::unix::Library;

/// Function of LeakSanitizer, alone or within AddressSanitizer, that ends the process if it finds a
/// leak (compiler-rt's include/sanitizer/lsan_interface.h). It does nothing where `detect_leaks=0`.
const DO_LEAK_CHECK: &[u8] = b"__lsan_do_leak_check\0";

/// Checks for leaks where LeakSanitizer is in the process.
pub(super) fn check() {
    // SAFETY: a function of this name has this type, and may be called at any time.
    unsafe {
        if let Ok(check) = Library::this().get::<unsafe extern "C" fn()>(DO_LEAK_CHECK) {
            check();
        }
    }
}
