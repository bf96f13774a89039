//! Rust panics that a server survives. A thread pool, a tokio task or `catch_unwind` catches them,
//! so a fuzzer would see nothing. Every unwinding begins with a dynamic call to
//! `_Unwind_RaiseException`; the hook there ends the process if the exception is a Rust panic.

use std::backtrace::Backtrace;
use std::ffi::c_void;

use crate::sys::{config, report};

/// Exception class of Rust panics (Rust's library/panic_unwind: vendor and language). The order of
/// its bytes has changed between releases of Rust.
const RUST_EXCEPTION_CLASS: &[u8; 8] = b"MOZ\0RUST";

/// Ends the process if `exception` is a Rust panic and panics are crashes.
///
/// # Safety
/// `exception` points at an `_Unwind_Exception`, whose first field is its class.
pub(crate) unsafe fn inspect(exception: *const c_void) {
    // SAFETY: the caller guarantees that `exception` begins with its class, which has 8 bytes.
    let class = unsafe { exception.cast::<u64>().read() };
    let is_rust = [u64::from_be_bytes(*RUST_EXCEPTION_CLASS), u64::from_le_bytes(*RUST_EXCEPTION_CLASS)]
        .contains(&class);
    if !is_rust || !config::panics_are_crashes() {
        return;
    }
    let thread = rustix::thread::name().unwrap_or_default();
    report::emit(format_args!("a Rust panic in thread {} counts as a crash", thread.to_string_lossy()));
    if config::is_single_run() {
        for line in Backtrace::force_capture().to_string().lines() {
            report::emit(format_args!("{line}"));
        }
    }
    std::process::abort();
}
