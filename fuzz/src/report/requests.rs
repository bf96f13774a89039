//! Requests of the inputs in the queues: methods and paths that the server was asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;
use sockfuzz_model::{ParsedSession, Request};
use sockfuzz_protocol::InputFormat;
use sockfuzz_protocol::session::{Action, Session};

use super::text::visible;
use crate::campaign::findings;
use crate::input::corpus;

/// Maximum number of inputs that are read, because a live report reads them again and again.
const MAX_INPUTS: usize = 20_000;

/// Maximum number of bytes that are read of an input.
const MAX_BYTES: u64 = 64 << 10;

/// Maximum number of paths that a report lists.
const MAX_PATHS: usize = 50;

/// Maximum number of bytes of a path that are shown.
const MAX_PATH_BYTES: usize = 120;

/// Paths requested by the inputs in the queues.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RequestedPaths {
    /// Number of inputs in the queues.
    pub inputs: usize,
    /// Number of those that were read.
    pub inputs_read: usize,
    /// Number of distinct paths.
    pub distinct: usize,
    /// The paths that most inputs request.
    pub most_frequent: Vec<RequestedPath>,
}

/// Path that inputs request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RequestedPath {
    /// The path, without its query.
    pub path: String,
    /// Methods with which it is requested.
    pub methods: Vec<String>,
    /// Number of inputs that request it.
    pub inputs: usize,
}

/// Inputs and methods of one path.
#[derive(Debug, Default)]
struct PathUse {
    inputs: usize,
    methods: BTreeSet<Vec<u8>>,
}

/// Reads the queues of all instances.
#[must_use]
pub fn read(out: &Path, format: InputFormat) -> RequestedPaths {
    let queues = findings::queues(out).unwrap_or_default();
    let files: Vec<_> =
        queues.iter().flat_map(|queue| corpus::files_below(queue).unwrap_or_default()).collect();
    let mut paths: BTreeMap<Vec<u8>, PathUse> = BTreeMap::new();
    let mut inputs_read = 0;
    for input in files.iter().take(MAX_INPUTS).filter_map(|file| start_of(file)) {
        inputs_read += 1;
        for (path, methods) in requests(&input, format) {
            let entry = paths.entry(path).or_default();
            entry.inputs += 1;
            entry.methods.extend(methods);
        }
    }
    let distinct = paths.len();
    let mut most_frequent: Vec<_> = paths.into_iter().collect();
    // Paths of the same frequency stay in alphabetical order.
    most_frequent.sort_by_key(|(_, it)| usize::MAX - it.inputs);
    most_frequent.truncate(MAX_PATHS);
    let most_frequent = most_frequent.into_iter().map(|(path, it)| RequestedPath {
        path: shown(&path),
        methods: it.methods.iter().map(|method| shown(method)).collect(),
        inputs: it.inputs,
    });
    RequestedPaths { inputs: files.len(), inputs_read, distinct, most_frequent: most_frequent.collect() }
}

fn start_of(file: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file).ok()?.take(MAX_BYTES).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// Returns the paths of an input, and the methods of each.
fn requests(input: &[u8], format: InputFormat) -> BTreeMap<Vec<u8>, BTreeSet<Vec<u8>>> {
    let session = Session::of_input(input, format);
    let parsed = ParsedSession::parse(&session);
    let mut paths: BTreeMap<Vec<u8>, BTreeSet<Vec<u8>>> = BTreeMap::new();
    for step in &parsed.steps {
        let Action::Send(pipeline) = &step.action else { continue };
        for Request { line, .. } in pipeline.requests() {
            if let Some(path) = line.target.path() {
                paths.entry(path.to_vec()).or_default().insert(line.method.to_vec());
            }
        }
    }
    paths
}

fn shown(bytes: &[u8]) -> String {
    let end = bytes.len().min(MAX_PATH_BYTES);
    let ellipsis = if end < bytes.len() { "…" } else { "" };
    // A path in a table is one line.
    visible(&bytes[..end]).replace('\n', "\\n").replace('\t', "\\t") + ellipsis
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn paths_are_counted_by_inputs() {
        let directory = tempfile::tempdir().expect("tempdir");
        let queue = directory.path().join("main/queue");
        fs::create_dir_all(&queue).expect("mkdir");
        let inputs: [&[u8]; 4] = [
            b"GET /a?q=1 HTTP/1.1\r\n\r\nPOST /a HTTP/1.1\r\n\r\n",
            b"GET /a HTTP/1.1\r\n\r\nGET /\xff<b> HTTP/1.1\r\n\r\n",
            b"\xf5\x41GET /c HTTP/1.1\r\n\r\n",
            b"not HTTP",
        ];
        for (number, input) in inputs.iter().enumerate() {
            fs::write(queue.join(format!("id:{number:06}")), input).expect("write");
        }
        let paths = read(directory.path(), InputFormat::Session);
        assert_eq!((paths.inputs, paths.inputs_read, paths.distinct), (4, 4, 3));
        let first = &paths.most_frequent[0];
        assert_eq!((first.path.as_str(), first.inputs), ("/a", 2));
        assert_eq!(first.methods, ["GET", "POST"]);
        assert!(paths.most_frequent.iter().any(|it| it.path == "/\\xff<b>"));
    }

    #[test]
    fn a_campaign_without_a_queue_has_no_paths() {
        let directory = tempfile::tempdir().expect("tempdir");
        assert_eq!(read(directory.path(), InputFormat::Raw).inputs, 0);
    }
}
