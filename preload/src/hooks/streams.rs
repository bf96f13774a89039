//! fdopen(3): stdio streams on an internal connection, or on one that is recorded. libc's streams make system
//! calls that bypass the hooks, and a server with one thread would block in them for ever. So the stream is made
//! by fopencookie(3), which calls back here for every read and write. libc has no descriptor for such a stream; a
//! table has it, for fileno(3).

use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicPtr, Ordering::SeqCst};

use libc::{FILE, c_char, c_int, c_void, off64_t, size_t, ssize_t};
use rustix::io::Errno;

use super::{descriptor, read, write};
use crate::memory_socket;
use crate::sys::fd_table::{self, FdKind};
use crate::sys::{errno, real, user_memory};

/// Maximum number of streams on connections that are open at a time; further ones are left to libc.
const MAX_STREAMS: usize = 64;

static STREAMS: [CookieStream; MAX_STREAMS] = [const { CookieStream::free() }; MAX_STREAMS];

/// A stream on a connection.
struct CookieStream {
    file: AtomicPtr<FILE>,
    /// Negative in a free slot.
    fd: AtomicI32,
}

impl CookieStream {
    const fn free() -> Self {
        Self { file: AtomicPtr::new(ptr::null_mut()), fd: AtomicI32::new(-1) }
    }

    fn claim(fd: c_int) -> Option<&'static Self> {
        STREAMS.iter().find(|stream| stream.fd.compare_exchange(-1, fd, SeqCst, SeqCst).is_ok())
    }

    fn of(file: *mut FILE) -> Option<&'static Self> {
        STREAMS.iter().find(|stream| !file.is_null() && stream.file.load(SeqCst) == file)
    }

    /// Frees the slot and returns its descriptor.
    fn release(&self) -> c_int {
        self.file.store(ptr::null_mut(), SeqCst);
        self.fd.swap(-1, SeqCst)
    }
}

pub(crate) unsafe fn fdopen(fd: c_int, mode: *const c_char) -> *mut FILE {
    if fd_table::is_virtual(fd) {
        memory_socket::fall_back("it makes a stdio stream of a connection");
    }
    let is_ours = matches!(fd_table::kind(fd), FdKind::Connection | FdKind::Recorded);
    let connection = is_ours.then(|| CookieStream::claim(fd)).flatten();
    let Some(stream) = connection else {
        // SAFETY: the caller upholds the contract of fdopen(3); the arguments are unchanged.
        return unsafe { real::fdopen(fd, mode) };
    };
    // SAFETY: the server does not change the string during its call.
    if unsafe { user_memory::string(mode, MAX_MODE_BYTES) }
        .is_some_and(|mode| mode.to_bytes().starts_with(b"a"))
    {
        append(fd);
    }
    let functions = Functions { read: on_read, write: on_write, seek: on_seek, close: on_close };
    // SAFETY: `mode` is a mode by the contract of fdopen(3); the functions get the slot, which lives for ever.
    let file = unsafe { fopencookie(ptr::from_ref(stream).cast_mut().cast(), mode, functions) };
    if file.is_null() {
        stream.release();
    } else {
        stream.file.store(file, SeqCst);
    }
    file
}

/// Maximum length of a mode, in bytes.
const MAX_MODE_BYTES: usize = 64;

/// Sets O_APPEND on a descriptor, as fdopen(3) does for the mode `a`.
fn append(fd: c_int) {
    // SAFETY: these commands of fcntl(2) take no pointers.
    unsafe {
        let flags = real::fcntl64(fd, libc::F_GETFL, 0);
        if flags >= 0 && flags & libc::O_APPEND == 0 {
            real::fcntl64(fd, libc::F_SETFL, (flags | libc::O_APPEND) as usize);
        }
    }
}

pub(crate) unsafe fn fileno(file: *mut FILE) -> c_int {
    match CookieStream::of(file) {
        Some(stream) => stream.fd.load(SeqCst),
        // SAFETY: the caller upholds the contract of fileno(3); the argument is unchanged.
        None => unsafe { real::fileno(file) },
    }
}

/// Callbacks of fopencookie(3), its `cookie_io_functions_t`.
#[repr(C)]
struct Functions {
    read: unsafe extern "C" fn(*mut c_void, *mut c_char, size_t) -> ssize_t,
    write: unsafe extern "C" fn(*mut c_void, *const c_char, size_t) -> ssize_t,
    seek: unsafe extern "C" fn(*mut c_void, *mut off64_t, c_int) -> c_int,
    close: unsafe extern "C" fn(*mut c_void) -> c_int,
}

unsafe extern "C" {
    fn fopencookie(cookie: *mut c_void, mode: *const c_char, functions: Functions) -> *mut FILE;
}

/// # Safety
/// `cookie` is the slot given to fopencookie(3).
unsafe fn stream(cookie: *mut c_void) -> &'static CookieStream {
    // SAFETY: `cookie` points at a slot, by this function's contract, and slots live for ever.
    unsafe { &*cookie.cast::<CookieStream>() }
}

unsafe extern "C" fn on_read(cookie: *mut c_void, buffer: *mut c_char, len: size_t) -> ssize_t {
    // SAFETY: libc passes the cookie that it was given, and a buffer of `len` bytes.
    unsafe { read::read(stream(cookie).fd.load(SeqCst), buffer.cast(), len) }
}

/// Writes all bytes, like libc's own streams; libc treats a smaller result as an error.
unsafe extern "C" fn on_write(cookie: *mut c_void, buffer: *const c_char, len: size_t) -> ssize_t {
    let mut done = 0;
    while done < len {
        // SAFETY: libc passes the cookie that it was given, and a buffer of `len` bytes, of which this is the rest.
        let written =
            unsafe { write::write(stream(cookie).fd.load(SeqCst), buffer.byte_add(done).cast(), len - done) };
        if written < 0 {
            break;
        }
        done += written.unsigned_abs();
    }
    done as ssize_t
}

/// Fails because a socket cannot seek; libc relies on this error.
unsafe extern "C" fn on_seek(_: *mut c_void, _: *mut off64_t, _: c_int) -> c_int {
    errno::fail(Errno::SPIPE)
}

unsafe extern "C" fn on_close(cookie: *mut c_void) -> c_int {
    // SAFETY: libc passes the cookie that it was given; the stream owns its descriptor.
    unsafe { descriptor::close(stream(cookie).release()) }
}
