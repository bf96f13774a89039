//! Faults of answers.

use std::fmt;

use crate::util::fingerprint::fingerprint;

/// What is wrong with an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    /// Its status reports a failure of the server.
    ServerError,
    /// The description has no answer with this status.
    Status,
    /// The description has no content of this type for this status, or content where the answer has none.
    ContentType,
    /// It lacks a header field that the description requires. The name of the field.
    MissingField(String),
    /// The body is not as its schema. The place in the description that it contradicts, as a JSON pointer.
    Body(String),
}

/// Fault of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong.
    pub kind: FaultKind,
    /// Status of the answer.
    pub status: u16,
    /// Operation of the description, or the route as far as it is known, such as `GET /notes/{id}`.
    pub operation: String,
    /// What this answer has in particular; empty if there is nothing more to say.
    pub detail: String,
}

impl Fault {
    /// Returns a word for its kind.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self.kind {
            FaultKind::ServerError => "server-error",
            FaultKind::Status => "status",
            FaultKind::ContentType => "content-type",
            FaultKind::MissingField(_) => "field",
            FaultKind::Body(_) => "body",
        }
    }

    /// Returns the fingerprint of what faults with the same cause have in common, which is all but the detail.
    #[must_use]
    pub fn key(&self) -> String {
        fingerprint(self.to_string().as_bytes())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, status, operation, .. } = self;
        match kind {
            FaultKind::ServerError => write!(f, "{operation} answers {status}"),
            FaultKind::Status => write!(f, "{operation} answers {status}, which is not described"),
            FaultKind::ContentType => {
                write!(f, "{operation} answers {status} with a content type that is not described")
            }
            FaultKind::MissingField(name) => {
                write!(f, "{operation} answers {status} without the required field {name}")
            }
            FaultKind::Body(place) => {
                write!(f, "{operation} answers {status} with a body that contradicts {place}")
            }
        }
    }
}
