//! Recording of a real server: what its clients send is appended to a file that sockfuzz has made. Nothing else about the
//! server changes.
//!
//! A connection is recorded when this process has accepted it, or has inherited or received it from a process that has.
//! Connections that the server itself makes are not recorded.

use std::env;
use std::fs::OpenOptions;
use std::os::fd::{AsFd, RawFd};
use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicPtr, Ordering::SeqCst};

use libc::{c_int, iovec, size_t, ssize_t};
use rustix::fs::{FileType, fstat};
use rustix::io::{Errno, IoSlice, writev};
use rustix::mm::{MapFlags, ProtFlags, mmap};
use rustix::net::{SocketType, getsockname, sockopt};
use sockfuzz_protocol::recording::{MAX_PAYLOAD_BYTES, Record, RecordKind, RecordingHeader};
use sockfuzz_protocol::specs;

use crate::sys::fd_table::{self, FdKind};
use crate::sys::user_memory::Unaligned;
use crate::sys::{errno, fd, proc, report, stdio};

/// Maximum number of parts of a buffer in one record, which has to fit on the server's stack.
const PARTS_OF_RECORD: usize = 15;

/// Descriptor of the file; -1 if nothing is recorded.
static FILE: AtomicI32 = AtomicI32::new(-1);

static HEADER: AtomicPtr<RecordingHeader> = AtomicPtr::new(ptr::null_mut());

/// Begins to record. To be called before any thread starts.
pub(crate) fn begin(file: Option<&str>) {
    let variable = specs::RECORDING.variable;
    let Some(file) = file else {
        report::emit(format_args!("nothing is recorded: {variable} is not set"));
        return;
    };
    if let Err(error) = open(file) {
        report::emit(format_args!("nothing is recorded: {variable}={file} cannot be used: {error}"));
        return;
    }
    proc::open_fds().into_iter().for_each(adopt);
}

fn open(file: &str) -> std::io::Result<()> {
    let file = OpenOptions::new().read(true).append(true).open(file)?;
    // SAFETY: with a null address the kernel chooses one where nothing is mapped.
    let header = unsafe {
        let length = size_of::<RecordingHeader>();
        mmap(ptr::null_mut(), length, ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED, &file, 0)?
    };
    // A program that the server executes may have other rights, and could not open the path.
    let kept = stdio::save_across_exec(file.as_fd())?;
    // SAFETY: no other thread uses the environment: before `main`, the process has one thread.
    unsafe { env::set_var(specs::RECORDING.variable, format!("/proc/self/fd/{kept}")) };
    HEADER.store(header.cast(), SeqCst);
    FILE.store(kept, SeqCst);
    self::header().into_iter().for_each(RecordingHeader::add_program);
    Ok(())
}

/// Whether this server is recorded.
pub(crate) fn is_active() -> bool {
    FILE.load(SeqCst) >= 0
}

fn header() -> Option<&'static RecordingHeader> {
    // SAFETY: the pointer is null or points at a mapping that is never removed. Any bytes are a valid header.
    unsafe { HEADER.load(SeqCst).as_ref() }
}

/// Records a connection that the server has accepted, or nothing if `fd` is negative. Returns `fd`.
pub(crate) fn accepted(fd: c_int) -> c_int {
    if let Some(header) = header().filter(|_| fd >= 0)
        && sockopt::socket_type(fd::borrow(fd)) == Ok(SocketType::STREAM)
        && let Some(connection) = number(fd)
    {
        header.begin(connection);
        fd_table::set(fd, FdKind::Recorded);
        let own = getsockname(fd::borrow(fd)).ok().and_then(|own| std::net::SocketAddr::try_from(own).ok());
        append(RecordKind::Accepted, connection, &own.map_or(0, |own| own.port()).to_le_bytes());
    }
    fd
}

/// Continues to record a connection that the server has inherited, or received from another process.
pub(crate) fn adopt(fd: RawFd) {
    if let Some(header) = header()
        && number(fd).is_some_and(|connection| header.has(connection))
    {
        fd_table::set(fd, FdKind::Recorded);
    }
}

/// Records what a call has read into one buffer; see [`received_parts`].
///
/// # Safety
/// The call has written its result to `buffer`.
pub(crate) unsafe fn received(
    fd: c_int,
    buffer: *mut libc::c_void,
    len: size_t,
    flags: c_int,
    result: ssize_t,
) -> ssize_t {
    // SAFETY: the call has written to `buffer`, by this function's contract.
    unsafe { received_parts(fd, &[Unaligned::new(iovec { iov_base: buffer, iov_len: len })], flags, result) }
}

/// Records what a call has read from a client, and returns the result of the call. Bytes that stay in the socket
/// (MSG_PEEK) are read again; others that are discarded (MSG_TRUNC, tcp(7)) or are no part of the stream are not there.
///
/// # Safety
/// The call has written its result to `parts`.
pub(crate) unsafe fn received_parts(
    fd: c_int,
    parts: &[Unaligned<iovec>],
    flags: c_int,
    result: ssize_t,
) -> ssize_t {
    let elsewhere = libc::MSG_PEEK | libc::MSG_TRUNC | libc::MSG_OOB | libc::MSG_ERRQUEUE;
    if flags & elsewhere != 0 {
        return result;
    }
    let is_reset = result < 0 && errno::last() == Errno::CONNRESET;
    if (result > 0 || is_reset)
        && let Some(connection) = connection(fd)
    {
        if is_reset {
            append(RecordKind::Reset, connection, &[]);
        } else {
            header().into_iter().for_each(|header| header.receive(connection));
            // SAFETY: the kernel has written that many bytes to the parts, by this function's contract.
            unsafe { append_parts(connection, parts, result.unsigned_abs().min(MAX_PAYLOAD_BYTES)) };
        }
    }
    result
}

/// Records that the server is about to answer what it has read.
pub(crate) fn answers(fd: c_int) {
    if let Some(connection) = connection(fd)
        && header().is_some_and(|header| header.answer(connection))
    {
        append(RecordKind::Answered, connection, &[]);
    }
}

/// Returns the number of a connection that is recorded.
fn connection(fd: RawFd) -> Option<u64> {
    if fd_table::kind(fd) != FdKind::Recorded {
        return None;
    }
    let connection = number(fd);
    if connection.is_none() {
        // It was closed by a call that no hook has seen.
        fd_table::set(fd, FdKind::Unmanaged);
    }
    connection
}

/// Returns the number of a socket, which no other has while the machine runs.
fn number(fd: RawFd) -> Option<u64> {
    let stat = fstat(fd::borrow(fd)).ok()?;
    FileType::from_raw_mode(stat.st_mode).is_socket().then_some(stat.st_ino)
}

fn append(kind: RecordKind, connection: u64, payload: &[u8]) {
    let head = Record::head(kind, connection, payload.len());
    append_slices(&[IoSlice::new(&head), IoSlice::new(payload)]);
}

/// Appends the first `count` bytes of the parts.
///
/// # Safety
/// That many bytes are readable there.
unsafe fn append_parts(connection: u64, parts: &[Unaligned<iovec>], count: usize) {
    let mut left = count;
    for group in parts.chunks(PARTS_OF_RECORD) {
        let mut slices = [IoSlice::new(&[]); PARTS_OF_RECORD + 1];
        let mut length = 0;
        for (slice, part) in slices[1..].iter_mut().zip(group) {
            let part_length = part.get().iov_len.min(left - length);
            if part_length > 0 {
                // SAFETY: these bytes are readable, by this function's contract.
                *slice = IoSlice::new(unsafe {
                    std::slice::from_raw_parts(part.get().iov_base.cast(), part_length)
                });
            }
            length += part_length;
        }
        if length == 0 {
            return;
        }
        let head = Record::head(RecordKind::Received, connection, length);
        slices[0] = IoSlice::new(&head);
        append_slices(&slices);
        left -= length;
    }
}

/// Appends a record by one system call. It neither changes `errno` nor fails the server's call.
fn append_slices(slices: &[IoSlice<'_>]) {
    let total: usize = slices.iter().map(|slice| slice.len()).sum();
    if writev(fd::borrow(FILE.load(SeqCst)), slices) != Ok(total) {
        header().into_iter().for_each(RecordingHeader::add_lost);
    }
}
