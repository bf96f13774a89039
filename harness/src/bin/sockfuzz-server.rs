//! The bundled server.

use clap::Parser;
use sockfuzz_harness::Site;
use sockfuzz_harness::cli::Cli;

fn main() -> anyhow::Result<()> {
    Cli::parse().serve(Site::plain())
}
