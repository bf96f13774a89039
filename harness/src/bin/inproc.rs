//! The harness that one would write by hand: the same server without sockets.
//!
//! With the argument `planted` it has the planted bugs.

use std::env;

use sockfuzz_harness::{Connection, Site};

fn main() {
    let site = match env::args().nth(1).as_deref() {
        Some("planted") => Site::planted(),
        _ => Site::plain(),
    };
    afl::fuzz!(|data: &[u8]| {
        let mut connection = Connection::new(site);
        connection.feed(data);
        connection.finish();
        while !connection.is_over() {
            connection.wrote(connection.output().len());
        }
    });
}
