//! The bundled server with planted bugs, on tokio.

use sockfuzz_harness::Site;
use sockfuzz_harness::cli::Cli;
use sockfuzz_harness::models::ASYNC;

fn main() -> anyhow::Result<()> {
    Cli::parse(ASYNC).serve(Site::planted())
}
