//! Calls that a signal handler of the server may make at any moment, in a single run. The handler may have interrupted
//! the server's malloc(3) or a hook of the preload.

mod common;

use common::{Target, answers, describe};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// Calls that a signal handler may make do not use the server's heap.
#[test]
fn keeps_off_the_heap() {
    for variant in ["-DALONE", "-DTHREAD", "-DFORKS"] {
        answers("keeps_off_the_heap", &[variant], REQUEST, "GET / HTTP/1.1\n");
    }
}

/// Nor do they when they translate paths.
#[test]
fn keeps_off_the_heap_with_relocations() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let relocations = format!("/nonexistent={}", directory.path().display());
    let target = Target::compile("keeps_off_the_heap", &["-DALONE"]);
    let output = target.run(REQUEST, &[("SOCKFUZZ_RELOCATE", &relocations)]);
    assert!(output.status.success(), "{}", describe(&output));
}
