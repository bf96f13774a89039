//! Planted bugs that no bytes on a single connection trigger: they need a second connection, a packet
//! boundary, or a reset.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::cookies;
use crate::http::Request;

/// Cookie sessions in use, each with the number of its connection.
static IN_USE: Mutex<Vec<(u64, Vec<u8>)>> = Mutex::new(Vec::new());

/// Number of received bytes up to which a packet boundary counts. Later ones could come from a full read buffer.
const EARLY: usize = 4096;

/// History of a connection, as far as the bugs depend on it.
#[derive(Debug)]
pub(super) struct ConnectionHistory {
    number: u64,
    received: usize,
    ends_in_cr: bool,
    /// Whether a packet boundary has divided the line end before a Content-Length field.
    cut: bool,
}

impl Default for ConnectionHistory {
    fn default() -> Self {
        static CONNECTIONS: AtomicU64 = AtomicU64::new(0);
        let number = CONNECTIONS.fetch_add(1, Ordering::Relaxed);
        Self { number, received: 0, ends_in_cr: false, cut: false }
    }
}

impl ConnectionHistory {
    /// Records the bytes of one read.
    pub(super) fn received(&mut self, bytes: &[u8]) {
        let Some(last) = bytes.last() else {
            return;
        };
        if self.ends_in_cr && self.received < EARLY && bytes[0] == b'\n' {
            let name = bytes[1..].split(|&byte| byte == b':').next().unwrap_or_default();
            self.cut |= name.eq_ignore_ascii_case(b"Content-Length");
        }
        self.ends_in_cr = *last == b'\r';
        self.received += bytes.len();
    }

    /// Runs bugs 12 and 13 on a request.
    pub(super) fn visit(&self, request: &Request) {
        self.session(request);
        let length = (!self.cut).then_some(request.body.len());
        length.expect("planted bug 13: the length lies in another packet");
    }

    /// Bug 12.
    fn session(&self, request: &Request) {
        for (_, value) in cookies(request).filter(|(name, _)| *name == b"session") {
            let mut in_use = in_use();
            let owner = in_use.iter().find(|(_, known)| known == value).map(|(owner, _)| *owner);
            let owner = owner.unwrap_or_else(|| {
                in_use.push((self.number, value.to_vec()));
                self.number
            });
            assert!(owner == self.number, "planted bug 12: a session is in use twice");
        }
    }
}

impl Drop for ConnectionHistory {
    fn drop(&mut self) {
        in_use().retain(|(owner, _)| *owner != self.number);
    }
}

fn in_use() -> MutexGuard<'static, Vec<(u64, Vec<u8>)>> {
    IN_USE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Bug 14.
pub(super) fn lost_in_body(chunked: bool) {
    if chunked {
        eprintln!("planted bug 14: half a body is left");
        std::process::abort();
    }
}
