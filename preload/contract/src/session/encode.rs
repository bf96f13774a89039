//! From steps to bytes: the shortest that decode to them, but for a 0xF5, which is always escaped.

use super::{Action, Connection, FIRST_OPERATION, MARK, Session, Step};

impl Session {
    /// The bytes that decode to this session.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // Where bytes would go that no marker stands before.
        let mut next = Some(Connection(0));
        for Step { connection, action } in &self.steps {
            let Action::Send(chunk) = action else {
                mark(&mut bytes, operation(action), *connection);
                next = Some(*connection);
                continue;
            };
            if next != Some(*connection) {
                mark(&mut bytes, operation(action), *connection);
            }
            for &byte in chunk {
                bytes.extend(std::iter::repeat_n(byte, if byte == MARK { 2 } else { 1 }));
            }
            next = None;
        }
        bytes
    }
}

fn mark(bytes: &mut Vec<u8>, operation: u8, connection: Connection) {
    bytes.extend([MARK, FIRST_OPERATION + operation * Connection::COUNT as u8 + connection.0]);
}

fn operation(action: &Action) -> u8 {
    match action {
        Action::Send(_) => 0,
        Action::Open => 1,
        Action::HalfClose => 2,
        Action::Close => 3,
        Action::Reset => 4,
    }
}
