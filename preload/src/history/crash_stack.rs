//! Stack of a crash in a single run. The handler in front of the server's own ([`super::crash_site`]) appends it to a file
//! that sockfuzz has made, by system calls alone: it may have interrupted the heap, or a thread that holds any lock.

use std::cell::UnsafeCell;
use std::env;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering::SeqCst};

use libc::{c_int, siginfo_t, ucontext_t};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::{Errno, IoSlice, read, writev};
use sockfuzz_protocol::crash_record::{CrashAccess, CrashRecord, MAX_CALLS, MAX_MAPPINGS_BYTES};
use sockfuzz_protocol::specs;

use super::registers;
use super::unwinder::for_each_frame;
use crate::sys::{fd, proc, report, stdio, user_memory};

/// Bytes of the mappings that are read at a time.
const READ_BYTES: usize = 4096;

/// Permissions of a mapping with code, between its addresses and its offset (proc_pid_maps(5)).
const EXECUTABLE: u8 = b'x';

/// Descriptor of the file; -1 if no stacks are wanted.
static FILE: AtomicI32 = AtomicI32::new(-1);

/// Record in the making, which also holds what a fault of the unwinder leaves.
static RECORD: HandlerMemory<CrashRecord> = HandlerMemory(UnsafeCell::new(CrashRecord {
    signal: 0,
    code: 0,
    thread: 0,
    address: 0,
    access: CrashAccess::Unknown,
    instruction: 0,
    stack_pointer: 0,
    call_count: 0,
    calls: [0; MAX_CALLS],
}));

/// Mappings of the process, too large for the stack of a handler.
static MAPPINGS: HandlerMemory<[u8; MAX_MAPPINGS_BYTES]> =
    HandlerMemory(UnsafeCell::new([0; MAX_MAPPINGS_BYTES]));

/// Memory that only the thread uses whose crash is recorded.
struct HandlerMemory<T>(UnsafeCell<T>);

// SAFETY: one thread at a time records a crash.
unsafe impl<T> Sync for HandlerMemory<T> {}

/// Whether the record is yet to be written.
static IS_UNWRITTEN: AtomicBool = AtomicBool::new(false);

/// Opens the file. To be called before the sandbox closes, and before any thread starts.
pub(crate) fn prepare(file: &str) {
    if let Err(error) = open(file) {
        let variable = specs::CRASHES.variable;
        report::emit(format_args!(
            "no stacks of crashes are saved: {variable}={file} cannot be used: {error}"
        ));
    }
}

fn open(file: &str) -> rustix::io::Result<()> {
    let opened = openat(CWD, file, OFlags::WRONLY | OFlags::APPEND | OFlags::CLOEXEC, Mode::empty())?;
    // A program that a wrapper script starts could not open the path in the sandbox.
    let kept = stdio::save_across_exec(opened.as_fd())?;
    // SAFETY: no other thread uses the environment: before `main`, the process has one thread.
    unsafe { env::set_var(specs::CRASHES.variable, format!("/proc/self/fd/{kept}")) };
    FILE.store(kept, SeqCst);
    Ok(())
}

/// Whether stacks of crashes are wanted.
pub(crate) fn is_wanted() -> bool {
    FILE.load(SeqCst) >= 0
}

/// In the handler of a fatal signal, in one thread at a time: records its stack.
pub(super) fn record(signal: c_int, info: &siginfo_t, context: &mut ucontext_t) {
    if !is_wanted() {
        return;
    }
    // SAFETY: no other thread records its crash. The kernel fills in an address for faults, and only then it is used.
    let (record, address) = unsafe { (&mut *RECORD.0.get(), info.si_addr().addr()) };
    record.signal = signal;
    record.code = info.si_code;
    record.thread = rustix::thread::gettid().as_raw_pid();
    record.address = if info.si_code > 0 { address as u64 } else { 0 };
    record.access = registers::failed_access(context);
    record.instruction = registers::program_counter(context) as u64;
    record.stack_pointer = registers::stack_pointer(context) as u64;
    record.call_count = 0;
    IS_UNWRITTEN.store(true, SeqCst);
    add_calls(record, context);
    finish();
}

/// Writes the record of this thread; after a fault of the unwinder, as far as that got.
pub(super) fn finish() {
    if !IS_UNWRITTEN.swap(false, SeqCst) {
        return;
    }
    // SAFETY: no other thread records its crash, and if this one has interrupted itself, it does not return there.
    let (record, mappings) = unsafe { (&*RECORD.0.get(), &mut *MAPPINGS.0.get()) };
    let length = read_mappings(mappings).unwrap_or(0);
    let encoded = record.encode(length);
    let parts = [&encoded[..], &mappings[..length]].map(IoSlice::new);
    // One call, so that the records of two processes do not mix. The verdict does not depend on it.
    let _ = writev(fd::borrow(FILE.load(SeqCst)), &parts);
}

/// Adds the calls that led to the interrupted instruction.
fn add_calls(record: &mut CrashRecord, context: &mut ucontext_t) {
    add_calls_from(record, context);
    if record.call_count > 0 {
        return;
    }
    // A call of an invalid address has no frame that the unwinder knows, but its caller has one. The unwinder finds the
    // interrupted registers where the kernel has saved them.
    let Some(caller) = registers::caller_of_entry(context, |address| {
        // SAFETY: any bytes are a valid number.
        unsafe { user_memory::read(address as *const usize) }.ok()
    }) else {
        return;
    };
    let saved = registers::move_to(context, &caller);
    record.calls[0] = caller.program_counter as u64;
    record.call_count = 1;
    add_calls_from(record, context);
    registers::move_to(context, &saved);
}

/// Adds the calls above the instruction in `context`.
fn add_calls_from(record: &mut CrashRecord, context: &ucontext_t) {
    let interrupted = registers::program_counter(context);
    let mut is_interrupted = false;
    for_each_frame(|address| {
        if is_interrupted && record.call_count < MAX_CALLS && address != 0 {
            record.calls[record.call_count] = address as u64;
            record.call_count += 1;
        }
        // What is before it is this handler.
        is_interrupted |= address == interrupted;
        record.call_count < MAX_CALLS
    });
}

/// Reads the mappings with code, and returns their length.
fn read_mappings(text: &mut [u8]) -> Result<usize, Errno> {
    let file = proc::open_mappings()?;
    let (mut kept, mut end) = (0, 0);
    while end + READ_BYTES <= text.len() {
        match read(&file, &mut text[end..end + READ_BYTES]) {
            Ok(0) => break,
            Ok(count) => {
                end += count;
                (kept, end) = keep_code(text, kept, end);
            }
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(kept)
}

/// Leaves out lines of mappings without code in `text[begin..end]`. Returns where the lines end that are kept, and where
/// the part of a line ends that follows them.
fn keep_code(text: &mut [u8], begin: usize, end: usize) -> (usize, usize) {
    let (mut kept, mut at) = (begin, begin);
    while let Some(length) = memchr::memchr(b'\n', &text[at..end]) {
        let line = at..at + length + 1;
        at = line.end;
        let permissions = text[line.clone()].split(|&byte| byte == b' ').nth(1);
        if permissions.is_some_and(|permissions| permissions.contains(&EXECUTABLE)) {
            text.copy_within(line.clone(), kept);
            kept += line.len();
        }
    }
    text.copy_within(at..end, kept);
    (kept, kept + end - at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings_with_code_are_kept_in_whole_lines() {
        let mut text = *b"1-2 r-xp 0 a\n2-3 rw-p 0 b\n4-5 r-xp 0 c\n6-7 r-";
        let end = text.len();
        let (kept, end) = keep_code(&mut text, 0, end);
        assert_eq!(&text[..kept], b"1-2 r-xp 0 a\n4-5 r-xp 0 c\n");
        assert_eq!(&text[kept..end], b"6-7 r-");
    }

    #[test]
    fn this_process_has_mappings_with_code() {
        let mut text = vec![0; MAX_MAPPINGS_BYTES];
        let length = read_mappings(&mut text).expect("readable");
        let text = String::from_utf8_lossy(&text[..length]);
        assert!(text.lines().all(|line| line.contains("x")) && text.contains("/libc"), "{text}");
    }
}
