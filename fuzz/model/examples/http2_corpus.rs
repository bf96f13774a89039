//! Writes the seeds of `corpus/http2`:
//! `cargo run -p sockfuzz-model --example http2_corpus -- corpus/http2`.

use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let Some(directory) = env::args_os().nth(1).map(PathBuf::from) else {
        return Err(io::Error::other("no output directory: give one, such as corpus/http2"));
    };
    fs::create_dir_all(&directory)?;
    for (name, bytes) in sockfuzz_model::http2::seeds() {
        fs::write(directory.join(name), bytes)?;
    }
    Ok(())
}
