//! Writes the seeds of `corpus/tls`:
//! `cargo run -p sockfuzz-model --example tls_corpus -- corpus/tls`.

use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let Some(directory) = env::args_os().nth(1).map(PathBuf::from) else {
        return Err(io::Error::other("no output directory: give one, such as corpus/tls"));
    };
    fs::create_dir_all(&directory)?;
    for (name, bytes) in sockfuzz_model::tls::seeds() {
        fs::write(directory.join(name), bytes)?;
    }
    Ok(())
}
