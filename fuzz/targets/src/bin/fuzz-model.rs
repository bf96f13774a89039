//! Fuzz target for the model: `cargo afl fuzz -i corpus/http1 -o out -- fuzz-model`.

fn main() {
    afl::fuzz!(|data: &[u8]| sockfuzz_targets::model(data));
}
