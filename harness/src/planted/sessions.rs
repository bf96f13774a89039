//! Planted bugs that no bytes of a single connection set off, however they are mutated: those need a
//! second connection, a packet boundary, or a reset.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::cookies;
use crate::http::Request;

/// Sessions by the connection that uses them.
static IN_USE: Mutex<Vec<(u64, Vec<u8>)>> = Mutex::new(Vec::new());

/// A cut counts only so early: no model's buffer is full by then, and cuts for want of room.
const EARLY: usize = 4096;

/// History of a connection, as far as the bugs depend on it.
#[derive(Debug)]
pub(super) struct ConnectionHistory {
    number: u64,
    received: usize,
    ends_in_cr: bool,
    /// A line's end was cut in two, and the next line is the one that says how long the body is.
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
    /// Takes note of what was read at once.
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

    /// Lets bugs 12 and 13 look at a request.
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
