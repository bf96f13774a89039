//! The bundled server with planted bugs.

use sockfuzz_harness::Site;
use sockfuzz_harness::cli::Cli;
use sockfuzz_harness::models::SYNC;

fn main() -> anyhow::Result<()> {
    Cli::parse(SYNC).serve(Site::planted())
}
