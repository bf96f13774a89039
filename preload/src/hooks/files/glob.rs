//! glob(3), whose own calls no hook sees. So it gets functions to call instead (GLOB_ALTDIRFUNC), which are hooks: the
//! pattern and the results are paths of the server, and nothing has to be translated back.

use libc::{c_char, c_int, c_void, size_t};

use super::{attributes, opening};
use crate::sys::{real, relocation};

/// Result of glob(3), its `glob_t`, with the functions that it calls.
#[repr(C)]
struct GlobResult {
    path_count: size_t,
    paths: *mut *mut c_char,
    reserved: size_t,
    flags: c_int,
    functions: GlobFunctions,
}

/// Functions that glob(3) calls.
#[derive(Clone, Copy)]
#[repr(C)]
struct GlobFunctions {
    closedir: *const c_void,
    readdir: *const c_void,
    opendir: *const c_void,
    lstat: *const c_void,
    stat: *const c_void,
}

pub(crate) unsafe fn glob(
    pattern: *const c_char,
    flags: c_int,
    on_error: *mut c_void,
    result: *mut c_void,
) -> c_int {
    if relocation::active().is_none() || flags & libc::GLOB_ALTDIRFUNC != 0 {
        // SAFETY: the caller upholds the contract of glob(3); the arguments are unchanged.
        return unsafe { real::glob(pattern, flags, on_error, result) };
    }
    let functions = GlobFunctions {
        closedir: libc::closedir as *const c_void,
        readdir: libc::readdir64 as *const c_void,
        opendir: open_directory as *const c_void,
        lstat: read_link_status as *const c_void,
        stat: read_status as *const c_void,
    };
    let result = result.cast::<GlobResult>();
    // SAFETY: `result` points at a `glob_t` by the contract of glob(3). Without the flag, its functions are not used, so
    // they are the caller's again afterwards. These have the types that the manual page names.
    unsafe {
        let before = (*result).functions;
        (*result).functions = functions;
        let failed = real::glob(pattern, flags | libc::GLOB_ALTDIRFUNC, on_error, result.cast());
        (*result).functions = before;
        (*result).flags &= !libc::GLOB_ALTDIRFUNC;
        failed
    }
}

unsafe extern "C" fn open_directory(path: *const c_char) -> *mut c_void {
    // SAFETY: glob(3) passes a path.
    unsafe { opening::opendir(path) }
}

unsafe extern "C" fn read_status(path: *const c_char, status: *mut c_void) -> c_int {
    // SAFETY: glob(3) passes a path, and room for the status.
    unsafe { attributes::stat(path, status) }
}

unsafe extern "C" fn read_link_status(path: *const c_char, status: *mut c_void) -> c_int {
    // SAFETY: glob(3) passes a path, and room for the status.
    unsafe { attributes::lstat(path, status) }
}
