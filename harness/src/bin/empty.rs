//! Empty harness, which measures the cost of the persistent loop itself.

fn main() {
    afl::fuzz!(|_data: &[u8]| {});
}
