//! Answers that the server has sent in a session.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memmem;

use super::json;
use super::reference::{Reference, ValueName};
use super::response::{Response, VERSION};
use crate::session::Connection;

/// Bytes that are kept of the answers on each connection.
pub const KEPT_BYTES: usize = 64 * 1024;

/// Answers of a session, as far as it has been played.
#[derive(Debug, Default)]
pub struct EarlierAnswers {
    connections: [ReceivedBytes; Connection::COUNT],
    /// Answer `N` is at index `N - 1`.
    answers: Vec<(Connection, Range<usize>)>,
}

/// Bytes that were received on a connection.
#[derive(Debug, Default)]
struct ReceivedBytes {
    bytes: Vec<u8>,
    /// Position up to which they are in answers.
    numbered: usize,
}

impl EarlierAnswers {
    /// Returns the answers before the first step.
    #[must_use]
    pub const fn new() -> Self {
        let connections = [const { ReceivedBytes { bytes: Vec::new(), numbered: 0 } }; Connection::COUNT];
        Self { connections, answers: Vec::new() }
    }

    /// Removes all answers, for the next session. Their memory is used again.
    pub fn clear(&mut self) {
        for received in &mut self.connections {
            received.bytes.clear();
            received.numbered = 0;
        }
        self.answers.clear();
    }

    /// Adds bytes that the server has sent.
    pub fn add(&mut self, connection: Connection, piece: &[u8]) {
        let bytes = &mut self.connections[connection.index()].bytes;
        let room = KEPT_BYTES - bytes.len();
        bytes.extend_from_slice(&piece[..piece.len().min(room)]);
    }

    /// Numbers the answers that have come since the last call. The server is idle, so all of them have come.
    pub fn end_step(&mut self) {
        for (connection, received) in Connection::ALL.into_iter().zip(&mut self.connections) {
            // What stands before a response is the rest of the answer before it, which had seemed complete.
            received.numbered += memmem::find(&received.bytes[received.numbered..], VERSION).unwrap_or(0);
            while received.numbered < received.bytes.len() {
                let response = Response::parse(&received.bytes[received.numbered..]);
                let range = received.numbered..received.numbered + response.length();
                received.numbered = range.end;
                if !response.is_interim() {
                    self.answers.push((connection, range));
                }
            }
        }
    }

    /// Returns the value of a reference; `None` if there is no such answer, or no such value in it.
    #[must_use]
    pub fn value(&self, reference: Reference<'_>) -> Option<Cow<'_, [u8]>> {
        let (connection, range) = self.answers.get(reference.answer.checked_sub(1)?)?;
        let response = Response::parse(&self.connections[connection.index()].bytes[range.clone()]);
        let location = || response.field(b"location").map(without_authority);
        let plain = match reference.value {
            ValueName::Json(path) => return json_value(response.body(), path),
            ValueName::Header(name) => response.field(name),
            ValueName::Cookie(name) => response.cookie(name),
            ValueName::Location => location(),
            ValueName::LocationId => location().and_then(last_segment),
            ValueName::Status => response.status(),
        };
        plain.map(Cow::Borrowed)
    }
}

fn json_value<'a>(body: Cow<'a, [u8]>, path: &[u8]) -> Option<Cow<'a, [u8]>> {
    match body {
        Cow::Borrowed(body) => json::find(body, path).map(json::value),
        Cow::Owned(body) => json::find(&body, path).map(|found| json::value(found).into_owned().into()),
    }
}

/// Returns the path and query of a URL.
fn without_authority(url: &[u8]) -> &[u8] {
    let Some(authority) = memmem::find(url, b"://").map(|scheme| &url[scheme + 3..]) else { return url };
    let end = authority.iter().position(|byte| b"/?#".contains(byte));
    end.map_or(b"/", |end| &authority[end..])
}

fn last_segment(target: &[u8]) -> Option<&[u8]> {
    let path = target.split(|byte| b"?#".contains(byte)).next()?;
    path.rsplit(|&byte| byte == b'/').find(|segment| !segment.is_empty())
}
