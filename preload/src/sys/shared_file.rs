//! Files of another process that this one maps, to share memory with it.

use std::env;
use std::fs::OpenOptions;
use std::io;
use std::os::fd::AsFd;
use std::ptr;

use libc::c_void;
use rustix::mm::{MapFlags, ProtFlags, mmap};
use sockfuzz_protocol::specs::OptionSpec;

use super::stdio;

/// Maps the first `len` bytes of a file that an option names. A program that a wrapper script starts gets the open file in
/// place of its path, which the sandbox may hide.
pub(super) fn map(file: &str, len: usize, option: &OptionSpec) -> io::Result<*mut c_void> {
    let file = OpenOptions::new().read(true).write(true).open(file)?;
    if file.metadata()?.len() < len as u64 {
        return Err(io::Error::other("it is too small"));
    }
    let protection = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: with a null address the kernel chooses one where nothing is mapped.
    let address = unsafe { mmap(ptr::null_mut(), len, protection, MapFlags::SHARED, &file, 0)? };
    let kept = stdio::save_across_exec(file.as_fd())?;
    // SAFETY: no other thread uses the environment: before `main`, the process has one thread.
    unsafe { env::set_var(option.variable, format!("/proc/self/fd/{kept}")) };
    Ok(address)
}
