//! A harness that does nothing: how fast the persistent loop itself is.

fn main() {
    afl::fuzz!(|_data: &[u8]| {});
}
