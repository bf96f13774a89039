//! Fuzz target for sessions: `cargo afl fuzz -i corpus/http1 -o out -- fuzz-session`.

fn main() {
    afl::fuzz!(|data: &[u8]| sockfuzz_targets::session(data));
}
