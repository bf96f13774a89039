//! fdopen(3): stdio streams on an internal connection. Inside libc a stream makes system calls that
//! nobody sees, and a server with one thread would block in them for ever. So the stream is made by
//! fopencookie(3), which calls back here for every read and write. libc knows no descriptor of such
//! a stream; a table does, for fileno(3).

use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicPtr, Ordering::SeqCst};

use libc::{FILE, c_char, c_int, c_void, off64_t, size_t, ssize_t};
use rustix::io::Errno;

use super::{descriptor, read, write};
use crate::memory_socket;
use crate::sys::fd_table::{self, FdKind};
use crate::sys::{errno, real, user_memory};

/// Streams on connections that may be open at a time; further ones are left to libc.
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

    /// Frees the slot; the descriptor that it was for.
    fn release(&self) -> c_int {
        self.file.store(ptr::null_mut(), SeqCst);
        self.fd.swap(-1, SeqCst)
    }
}

pub(crate) unsafe fn fdopen(fd: c_int, mode: *const c_char) -> *mut FILE {
    if fd_table::is_virtual(fd) {
        memory_socket::fall_back("it makes a stdio stream of a connection");
    }
    let connection = (fd_table::kind(fd) == FdKind::Connection).then(|| CookieStream::claim(fd)).flatten();
    let Some(stream) = connection else {
        // SAFETY: the server's own call.
        return unsafe { real::fdopen(fd, mode) };
    };
    // SAFETY: the server leaves the string alone during its call.
    if unsafe { user_memory::string(mode, MAX_MODE_BYTES) }
        .is_some_and(|mode| mode.to_bytes().starts_with(b"a"))
    {
        append(fd);
    }
    let functions = Functions { read: on_read, write: on_write, seek: on_seek, close: on_close };
    // SAFETY: the server's own mode; the slot, which the functions are given, lives for ever.
    let file = unsafe { fopencookie(ptr::from_ref(stream).cast_mut().cast(), mode, functions) };
    if file.is_null() {
        stream.release();
    } else {
        stream.file.store(file, SeqCst);
    }
    file
}

/// Bytes of a mode that libc reads.
const MAX_MODE_BYTES: usize = 64;

/// Sets what fdopen(3) sets on a descriptor that is appended to.
fn append(fd: c_int) {
    // SAFETY: no pointers.
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
        // SAFETY: the server's own call.
        None => unsafe { real::fileno(file) },
    }
}

/// What fopencookie(3) wants.
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
    // SAFETY: given by the caller; slots live for ever.
    unsafe { &*cookie.cast::<CookieStream>() }
}

unsafe extern "C" fn on_read(cookie: *mut c_void, buffer: *mut c_char, len: size_t) -> ssize_t {
    // SAFETY: libc's own cookie and buffer.
    unsafe { read::read(stream(cookie).fd.load(SeqCst), buffer.cast(), len) }
}

/// Writes all of it, like a stream of libc's own; what is missing in the end is an error to libc.
unsafe extern "C" fn on_write(cookie: *mut c_void, buffer: *const c_char, len: size_t) -> ssize_t {
    let mut done = 0;
    while done < len {
        // SAFETY: libc's own cookie, and the rest of its own buffer.
        let written =
            unsafe { write::write(stream(cookie).fd.load(SeqCst), buffer.byte_add(done).cast(), len - done) };
        if written < 0 {
            break;
        }
        done += written.unsigned_abs();
    }
    done as ssize_t
}

/// No socket can seek; libc relies on this very error.
unsafe extern "C" fn on_seek(_: *mut c_void, _: *mut off64_t, _: c_int) -> c_int {
    errno::fail(Errno::SPIPE)
}

unsafe extern "C" fn on_close(cookie: *mut c_void) -> c_int {
    // SAFETY: libc's own cookie; the stream owns its descriptor.
    unsafe { descriptor::close(stream(cookie).release()) }
}
