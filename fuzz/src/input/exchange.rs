//! Exchange of a request for an answer.

/// Request with the status code of its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// The method.
    pub method: Vec<u8>,
    /// The path of the target, without its query.
    pub path: Vec<u8>,
    /// Final status code; `None` without an answer.
    pub status: Option<u16>,
}
