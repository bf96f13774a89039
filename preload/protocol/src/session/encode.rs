//! Encoder from steps to bytes. The result is the shortest that decodes to them, except that a 0xF5 is always escaped.

use super::marker::{Marker, escape_into};
use super::{Action, Connection, Session, Step};

impl Session {
    /// Returns bytes that decode to this session.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // The connection of bytes without a marker before them.
        let mut next = Some(Connection(0));
        for Step { connection, action } in &self.steps {
            let (action, chunk) = match action {
                Action::Send(chunk) => (Action::Send(()), Some(chunk)),
                other => (other.clone().map(drop), None),
            };
            if chunk.is_none() || next != Some(*connection) {
                bytes.extend(Marker { action, connection: *connection }.encode());
            }
            if let Some(chunk) = chunk {
                escape_into(chunk, &mut bytes);
            }
            next = chunk.is_none().then_some(*connection);
        }
        bytes
    }
}
