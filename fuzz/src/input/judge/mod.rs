//! Judge of answers: tells which of them report a failure of the server, and which are not as the description of its API
//! says. What is not certain is no fault: which request an answer belongs to, which operation a request is meant for, and
//! whether another server in between, or the request itself, explains the answer.

mod description;
mod exchange;
mod fault;
mod path;
mod schema;

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sockfuzz_protocol::InputFormat;
use sockfuzz_protocol::session::Connection;

use self::description::Description;
use self::exchange::{JudgedExchange, PlainRequest, exchanges};
pub use self::fault::{Fault, FaultKind};
use self::path::RequestPath;
use super::corpus::Seed;

/// Methods that are a part of a route's name.
const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

/// Rule by which answers are findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AnswerRule {
    /// The status reports a failure of the server.
    #[serde(rename = "5xx")]
    ServerErrors,
    /// The description of the API does not allow the answer.
    #[serde(rename = "spec")]
    Description,
}

impl FromStr for AnswerRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "5xx" => Ok(Self::ServerErrors),
            "spec" => Ok(Self::Description),
            _ => Err("give 5xx, or spec with --openapi".to_owned()),
        }
    }
}

impl fmt::Display for AnswerRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ServerErrors => "5xx",
            Self::Description => "spec",
        })
    }
}

/// What answers are judged by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JudgeConfig {
    /// The rules. No answer is a finding without one.
    pub rules: Vec<AnswerRule>,
    /// The description of the API, if there is one.
    pub description: Option<Value>,
    /// Directory of the seeds. They are judged as they were given: afl-fuzz may shorten them in its queue.
    pub seeds: PathBuf,
    /// Segments of paths in the seeds: routes without a description are named by them.
    pub segments: BTreeSet<String>,
}

impl JudgeConfig {
    /// Returns the segments of all paths that the seeds request.
    #[must_use]
    pub fn segments_of(seeds: &[Seed], format: InputFormat) -> BTreeSet<String> {
        const ANY: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        let answers: [Vec<u8>; Connection::COUNT] = std::array::from_fn(|_| ANY.repeat(100));
        let all = seeds.iter().flat_map(|seed| exchanges(&seed.bytes, format, &answers));
        let paths = all.filter_map(|exchange| RequestPath::parse(&exchange.request?.path));
        paths.flat_map(|path| path.segments().map(str::to_owned).collect::<Vec<_>>()).collect()
    }
}

/// Judge of answers.
#[derive(Debug)]
pub struct Judge {
    rules: Vec<AnswerRule>,
    description: Option<Description>,
    segments: BTreeSet<String>,
}

impl Judge {
    /// Creates a judge.
    #[must_use]
    pub fn new(config: JudgeConfig) -> Self {
        let JudgeConfig { rules, description, segments, .. } = config;
        Self { rules, description: description.map(Description::new), segments }
    }

    /// Returns the faults of the answers to an input, each kind of fault of an operation once.
    #[must_use]
    pub fn faults(
        &self,
        input: &[u8],
        format: InputFormat,
        answers: &[Vec<u8>; Connection::COUNT],
    ) -> Vec<Fault> {
        let mut faults: Vec<Fault> = Vec::new();
        for fault in exchanges(input, format, answers).iter().flat_map(|exchange| self.of_exchange(exchange))
        {
            if !faults.iter().any(|known| known.to_string() == fault.to_string()) {
                faults.push(fault);
            }
        }
        faults
    }

    fn of_exchange(&self, JudgedExchange { request, answer }: &JudgedExchange) -> Vec<Fault> {
        let described = self.description.as_ref().zip(request.as_ref());
        let described = described.and_then(|(it, request)| Some((it, it.operation(request)?, request)));
        let fault =
            |operation: String, kind, detail| Fault { kind, status: answer.status, operation, detail };
        if is_server_error(answer.status) {
            let operation = described.map(|(_, operation, _)| operation.name);
            let operation = operation.unwrap_or_else(|| self.route(request.as_ref()));
            return vec![fault(operation, FaultKind::ServerError, String::new())];
        }
        match described.filter(|_| self.rules.contains(&AnswerRule::Description)) {
            Some((description, operation, request)) => {
                let faults = description.faults(&operation, request, answer).into_iter();
                faults.map(|(kind, detail)| fault(operation.name.clone(), kind, detail)).collect()
            }
            None => Vec::new(),
        }
    }

    /// Returns the name of a route without a description. Of a path, only segments that a seed has are kept: inputs have
    /// any number of others.
    fn route(&self, request: Option<&PlainRequest>) -> String {
        let Some(request) = request else { return "a request that is not plain HTTP/1.1".to_owned() };
        let method = METHODS.iter().find(|method| **method == request.method).unwrap_or(&"*");
        let Some(path) = RequestPath::parse(&request.path) else { return format!("{method} *") };
        let mut segments: Vec<_> = path
            .segments()
            .map(|segment| if self.segments.contains(segment) { segment } else { "*" })
            .collect();
        segments.dedup_by(|one, other| *one == "*" && *other == "*");
        format!("{method} /{}", segments.join("/"))
    }
}

/// Whether a status reports a failure of the server. Not Implemented and HTTP Version Not Supported do not: by these, servers
/// refuse methods and versions that inputs have made up (RFC 9110, section 15.6).
fn is_server_error(status: u16) -> bool {
    (500..600).contains(&status) && !matches!(status, 501 | 505)
}

#[cfg(test)]
mod tests;
