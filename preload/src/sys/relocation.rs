//! Relocation of the server's files: translation of the paths that the server passes to libc, and of those that libc
//! returns. Hooks may be called in a signal handler, so this uses no heap and no lock: a translated path is on the
//! stack during the call.

use std::ffi::{CStr, c_char, c_int, c_long};
use std::fs;
use std::mem::MaybeUninit;
use std::path::Path;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering::Acquire, Ordering::Release};

use libc::ssize_t;
use rustix::io::Errno;
use sockfuzz_protocol::{MovedPath, Relocations, specs};

use super::{errno, report, user_memory};

/// Maximum length of a path with its NUL, in bytes (path_resolution(7)).
pub(crate) const PATH_BYTES: usize = libc::PATH_MAX as usize;

/// Relocations of this process, which are never freed; null if there are none.
static ACTIVE: AtomicPtr<ActiveRelocations> = AtomicPtr::new(ptr::null_mut());

/// Relocations in both directions.
#[derive(Debug)]
pub(crate) struct ActiveRelocations {
    given: Relocations,
    /// The same with the new paths that getcwd(3) and realpath(3) return, which have no symbolic links.
    resolved: Relocations,
}

/// Begins to translate paths. A new path must exist, unless `may_lack` says that the server may have started this
/// program where it is out of sight (chroot(2)).
pub(crate) fn begin(given: Relocations, may_lack: bool) {
    let present = |new: &Path| match fs::canonicalize(new) {
        Ok(resolved) => Some(resolved),
        Err(_) if may_lack => None,
        Err(error) => report::fatal(format_args!(
            "{}: {} cannot be used: {error}; create it, or remove it from the list",
            specs::RELOCATE.variable,
            new.display()
        )),
    };
    let found =
        given.into_iter().filter_map(|pair| present(pair.new_path()).map(|resolved| (pair, resolved)));
    let (given, resolved): (Vec<_>, Vec<_>) =
        found.map(|(pair, resolved)| (pair.clone(), pair.with_new_path(resolved))).unzip();
    if !given.is_empty() {
        let [given, resolved] = [given, resolved].map(Relocations::from_iter);
        ACTIVE.store(Box::into_raw(Box::new(ActiveRelocations { given, resolved })), Release);
    }
}

/// Stops to translate paths, because they begin in another directory from now on (chroot(2)).
pub(crate) fn end() {
    ACTIVE.store(ptr::null_mut(), Release);
}

/// Returns the relocations, if there are any.
#[inline]
pub(crate) fn active() -> Option<&'static ActiveRelocations> {
    // SAFETY: the pointer is null or comes from `begin`, which leaks the value.
    unsafe { ACTIVE.load(Acquire).as_ref() }
}

/// Result of a libc function that sets `errno` if it fails.
pub(crate) trait CallResult {
    /// Value of a failure.
    const FAILED: Self;
}

impl CallResult for c_int {
    const FAILED: Self = -1;
}

impl CallResult for c_long {
    const FAILED: Self = -1;
}

impl CallResult for ssize_t {
    const FAILED: Self = -1;
}

impl<T> CallResult for *mut T {
    const FAILED: Self = ptr::null_mut();
}

/// Performs `call` with the path of the file that the server names by `path`.
///
/// # Safety
/// Nobody changes the string at `path` during the call.
#[inline]
pub(crate) unsafe fn follow<R: CallResult>(path: *const c_char, call: impl FnOnce(*const c_char) -> R) -> R {
    let fail = |error| {
        errno::fail(error);
        R::FAILED
    };
    // SAFETY: nobody changes the string, by this function's contract.
    unsafe { follow_or(path, fail, call) }
}

/// As [`follow`], for a function that returns an error number.
///
/// # Safety
/// That of [`follow`].
#[inline]
pub(crate) unsafe fn follow_with_number(
    path: *const c_char,
    call: impl FnOnce(*const c_char) -> c_int,
) -> c_int {
    // SAFETY: nobody changes the string, by this function's contract.
    unsafe { follow_or(path, Errno::raw_os_error, call) }
}

#[inline]
unsafe fn follow_or<R>(
    path: *const c_char,
    fail: impl FnOnce(Errno) -> R,
    call: impl FnOnce(*const c_char) -> R,
) -> R {
    match active() {
        None => call(path),
        // SAFETY: nobody changes the string, by the caller's contract.
        Some(relocations) => unsafe { relocations.follow(path, fail, call) },
    }
}

impl ActiveRelocations {
    /// Not inlined, so that hooks take the room for a path from the stack only if there are relocations.
    #[cold]
    #[inline(never)]
    unsafe fn follow<R>(
        &self,
        path: *const c_char,
        fail: impl FnOnce(Errno) -> R,
        call: impl FnOnce(*const c_char) -> R,
    ) -> R {
        let mut buffer = PathBuffer::new();
        // SAFETY: nobody changes the string, by the caller's contract.
        match unsafe { self.translate(path, &mut buffer) } {
            Ok(translated) => call(translated.map_or(path, <*mut c_char>::cast_const)),
            Err(error) => fail(error),
        }
    }

    /// Writes the translation of a path into a buffer. `None` if the path stays as it is, or if it is not a valid path,
    /// which the real function has to report. Fails with `NAMETOOLONG` if the translation is too long.
    ///
    /// # Safety
    /// Nobody changes the string at `path` during the call.
    pub(crate) unsafe fn translate(
        &self,
        path: *const c_char,
        buffer: &mut PathBuffer,
    ) -> Result<Option<*mut c_char>, Errno> {
        // SAFETY: nobody changes the string, by this function's contract.
        let path = unsafe { user_memory::string(path, PATH_BYTES) };
        let moved = path.and_then(|path| self.given.translate(path.to_bytes()));
        moved.map(|moved| buffer.write(moved)).transpose()
    }

    /// Translates a path from libc to the one that the server uses. Fails with `NAMETOOLONG` if that is too long.
    pub(crate) fn translate_back<'a>(
        &'a self,
        path: &'a CStr,
        buffer: &'a mut PathBuffer,
    ) -> Result<&'a CStr, Errno> {
        match self.resolved.translate_back(path.to_bytes()) {
            // SAFETY: `write` returns the address of a string in the buffer, which is borrowed for as long as the result.
            Some(moved) => buffer.write(moved).map(|shown| unsafe { CStr::from_ptr(shown) }),
            None => Ok(path),
        }
    }
}

/// Room for a path.
pub(crate) struct PathBuffer([MaybeUninit<u8>; PATH_BYTES]);

impl PathBuffer {
    pub(crate) const fn new() -> Self {
        Self([MaybeUninit::uninit(); PATH_BYTES])
    }

    /// Returns the address of the [`PATH_BYTES`] bytes.
    pub(crate) fn as_mut_ptr(&mut self) -> *mut c_char {
        self.0.as_mut_ptr().cast()
    }

    /// Writes a path, and returns its address.
    fn write(&mut self, MovedPath { start, rest }: MovedPath<'_>) -> Result<*mut c_char, Errno> {
        let parts = [start, rest, b"\0"];
        if parts.iter().map(|part| part.len()).sum::<usize>() > PATH_BYTES {
            return Err(Errno::NAMETOOLONG);
        }
        let bytes = parts.into_iter().flatten();
        self.0.iter_mut().zip(bytes).for_each(|(place, byte)| {
            place.write(*byte);
        });
        Ok(self.as_mut_ptr())
    }
}
