//! File of the secrets of TLS connections, in the form of NSS (RFC 9850), which Wireshark reads.

use std::env;
use std::os::fd::{AsFd, RawFd};
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};

use rustix::fs::{Mode, OFlags, open};
use sockfuzz_protocol::specs;
use sockfuzz_tls::KeyLog;

use crate::sys::{fd, report, stdio};

/// Descriptor of the file; -1 without one.
static FILE: AtomicI32 = AtomicI32::new(-1);

/// Opens the file. To be called before the sandbox forbids that.
pub(crate) fn prepare(file: &str) {
    match open_kept(file) {
        Ok(kept) => FILE.store(kept, Relaxed),
        Err(error) => report::emit(format_args!(
            "no secrets of TLS are written: {}={file} cannot be used: {error}",
            specs::KEY_LOG.variable
        )),
    }
}

fn open_kept(file: &str) -> rustix::io::Result<RawFd> {
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::CLOEXEC;
    let opened = open(file, flags, Mode::RUSR | Mode::WUSR)?;
    // A program that a wrapper script starts could not open the path in the sandbox.
    let kept = stdio::save_across_exec(opened.as_fd())?;
    // SAFETY: no other thread uses the environment: before `main`, the process has one thread.
    unsafe { env::set_var(specs::KEY_LOG.variable, format!("/proc/self/fd/{kept}")) };
    Ok(kept)
}

/// Log in the file.
#[derive(Debug)]
pub(super) struct KeyLogFile(RawFd);

impl KeyLogFile {
    /// Returns the log; `None` without a file.
    pub(super) fn prepared() -> Option<Self> {
        Some(Self(FILE.load(Relaxed))).filter(|log| log.0 >= 0)
    }
}

impl KeyLog for KeyLogFile {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let line = format!("{label} {} {}\n", hex(client_random), hex(secret));
        // A log that is lost does not change the run.
        let _lost = rustix::io::write(fd::borrow(self.0), line.as_bytes());
    }
}
