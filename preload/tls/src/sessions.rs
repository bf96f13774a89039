//! Session that later handshakes resume. All of them resume the same one, so that no handshake depends on those before it.
//!
//! Sessions of TLS 1.3 are not resumed: their tickets are for one use, so each handshake would depend on the one before it, and as
//! they need a key exchange all the same, they save hardly anything.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rustls::NamedGroup;
use rustls::client::{ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::pki_types::ServerName;

/// Store with the latest session, until it is frozen.
#[derive(Debug, Default)]
pub(crate) struct SessionStore(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    is_frozen: bool,
    group: Option<NamedGroup>,
    tls12: Option<Tls12ClientSessionValue>,
}

impl SessionStore {
    /// Keeps what it has from now on.
    pub(crate) fn freeze(&self) {
        self.kept().is_frozen = true;
    }

    /// Whether there is a session to resume.
    pub(crate) fn has_session(&self) -> bool {
        self.kept().tls12.is_some()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Kept)) {
        let mut kept = self.kept();
        if !kept.is_frozen {
            change(&mut kept);
        }
    }
}

impl ClientSessionStore for SessionStore {
    fn set_kx_hint(&self, _: ServerName<'static>, group: NamedGroup) {
        self.change(|kept| kept.group = Some(group));
    }

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        self.kept().group
    }

    fn set_tls12_session(&self, _: ServerName<'static>, session: Tls12ClientSessionValue) {
        self.change(|kept| kept.tls12 = Some(session));
    }

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.kept().tls12.clone()
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {
        self.change(|kept| kept.tls12 = None);
    }

    fn insert_tls13_ticket(&self, _: ServerName<'static>, _: Tls13ClientSessionValue) {}

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        None
    }
}
