//! File of the secrets of TLS connections, in the form of NSS (RFC 9850), which Wireshark reads.

use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags, open};
use sockfuzz_tls::KeyLog;

use crate::sys::report;

/// File to which secrets are appended.
#[derive(Debug)]
pub(super) struct KeyLogFile(OwnedFd);

impl KeyLogFile {
    /// Opens the file. Ends the process if that fails.
    pub(super) fn open(file: &str) -> Self {
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::CLOEXEC;
        let opened = open(file, flags, Mode::RUSR | Mode::WUSR);
        Self(opened.unwrap_or_else(|error| {
            report::fatal(format_args!("the secrets of TLS cannot be written to {file}: {error}"))
        }))
    }
}

impl KeyLog for KeyLogFile {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let line = format!("{label} {} {}\n", hex(client_random), hex(secret));
        // A log that is lost does not change the run.
        let _lost = rustix::io::write(&self.0, line.as_bytes());
    }
}
