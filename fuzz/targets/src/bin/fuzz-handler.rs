//! Fuzz target for the bundled server: `cargo afl fuzz -i corpus/http1 -o out -- fuzz-handler`.

fn main() {
    afl::fuzz!(|data: &[u8]| sockfuzz_targets::handler(data));
}
