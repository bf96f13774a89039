//! Changes of the server's environment while it runs, without setenv(3), which uses the server's heap.

use std::ffi::{CStr, CString, OsStr, OsString, c_char};
use std::os::unix::ffi::OsStrExt;
use std::{iter, ptr};

unsafe extern "C" {
    static mut environ: *const *const c_char;
}

/// Sets variables, and removes former ones of the same names.
///
/// # Safety
/// No other thread reads or changes the environment.
pub(crate) unsafe fn set(variables: &[(OsString, OsString)]) {
    // SAFETY: `environ` is null, or points at an array of C strings that ends with a null pointer (environ(7)). The
    // caller guarantees that no other thread uses it.
    let before = unsafe {
        let first = environ;
        let entries = (0..).map_while(move |place| {
            (!first.is_null()).then(|| *first.add(place)).filter(|entry| !entry.is_null())
        });
        let is_replaced =
            |entry| variables.iter().any(|(name, _)| is_named(CStr::from_ptr(entry).to_bytes(), name));
        entries.filter(move |&entry| !is_replaced(entry))
    };
    let new = variables.iter().filter_map(|(name, value)| {
        let entry = [name.as_bytes(), b"=", value.as_bytes()].concat();
        CString::new(entry).ok().map(|entry| entry.into_raw().cast_const())
    });
    let all: Vec<_> = before.chain(new).chain(iter::once(ptr::null())).collect();
    // SAFETY: the caller guarantees exclusive access to `environ`; the array and its strings are never freed.
    unsafe { environ = all.leak().as_ptr() };
}

fn is_named(entry: &[u8], name: &OsStr) -> bool {
    entry.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.starts_with(b"="))
}
