//! What a signal handler of the server's may do at any moment, in a single run: it may have interrupted the server's
//! malloc(3), or one of our hooks.

mod common;

use common::answers;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// The calls that a handler may make do not use the server's heap.
#[test]
fn keeps_off_the_heap() {
    for variant in ["-DALONE", "-DTHREAD", "-DFORKS"] {
        answers("keeps_off_the_heap", &[variant], REQUEST, "GET / HTTP/1.1\n");
    }
}
