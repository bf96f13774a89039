//! Lookup of the real functions: the next definition after the preload's in the loader's search order.
//! It is libc's, or that of another library that interposes the same name.

use std::ffi::{CStr, c_void};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use super::report;

/// Real function, looked up at its first call at the latest. This needs no lock, because racing threads store the
/// same address.
pub(crate) struct NextSymbol {
    name: &'static CStr,
    address: AtomicPtr<c_void>,
}

impl NextSymbol {
    pub(crate) const fn new(name: &'static CStr) -> Self {
        Self { name, address: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Looks up the real function. Ignores a missing one, which may never be called.
    pub(crate) fn resolve(&self) {
        if let Some(found) = find_next(self.name) {
            self.address.store(found, Ordering::Release);
        }
    }

    /// Returns the address of the real function; ends the process with a message if there is none.
    pub(crate) fn address(&self) -> *mut c_void {
        let known = self.address.load(Ordering::Acquire);
        if !known.is_null() {
            return known;
        }
        let found = find_next(self.name).unwrap_or_else(|| {
            report::fatal(format_args!("{:?} is missing: the server's libc may be too old", self.name))
        });
        self.address.store(found, Ordering::Release);
        found
    }
}

/// Returns the address of the next definition of `name` after the preload's. Without dlerror(3), as libloading calls it, which
/// would allocate the message of an earlier error.
pub(crate) fn find_next(name: &CStr) -> Option<*mut c_void> {
    // SAFETY: RTLD_NEXT is a handle that dlsym(3) accepts, and the name ends with a zero byte.
    let found = unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) };
    (!found.is_null()).then_some(found)
}
