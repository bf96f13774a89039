//! Lookup of the real functions: the next definition after the preload's in the loader's search order.
//! It is libc's, or that of another library that interposes the same name.

use std::ffi::{CStr, c_void};
use std::mem::ManuallyDrop;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use libloading::os::unix::Library;

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

/// Returns the address of the next definition of `name` after the preload's.
pub(crate) fn find_next(name: &CStr) -> Option<*mut c_void> {
    // SAFETY: RTLD_NEXT is a pseudo handle that dlsym(3) accepts and that must not be closed.
    let next = ManuallyDrop::new(unsafe { Library::from_raw(libc::RTLD_NEXT) });
    // SAFETY: the symbol is only turned into an address here; its type is given in [`crate::table`].
    let symbol = unsafe { next.get::<*mut c_void>(name.to_bytes_with_nul()) }.ok()?;
    Some(symbol.into_raw())
}
