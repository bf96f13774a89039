//! In-process harness, as one would write it by hand: the bundled server without sockets.
//!
//! The argument `planted` adds the planted bugs.

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
