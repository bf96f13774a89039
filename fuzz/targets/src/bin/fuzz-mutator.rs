//! Fuzz target for the mutator: `cargo afl fuzz -i corpus/http1 -o out -- fuzz-mutator`.

fn main() {
    afl::fuzz!(|data: &[u8]| sockfuzz_targets::mutator(data));
}
