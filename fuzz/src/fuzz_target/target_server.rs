//! Server of the bundle, ready to be run as a fuzz target.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

use crate::options::PreloadOptions;
use crate::sandbox::Sandbox;
use crate::server::Server;
use crate::server::inspect::{self, Inspection};
use crate::server::single_run::RunConfig;
use crate::util::home_bundle;
use crate::util::preload;
use crate::util::problem::Problem;

/// Server of the bundle, with what its runs need.
#[derive(Debug)]
pub struct TargetServer {
    /// The server.
    pub server: Server,
    /// The preload library.
    pub library: PathBuf,
    /// Properties of the server's executable.
    pub inspection: Inspection,
    sandbox: Sandbox,
}

impl TargetServer {
    /// Prepares the bundle's server. What counts as a crash is what counts in the loop.
    ///
    /// # Errors
    /// Outside of a bundle, and for a server that cannot be used.
    pub fn prepare() -> Result<Self> {
        if home_bundle::current().is_none() {
            let what = "this subcommand works inside of a bundle only";
            let remedy = "make a bundle with sockfuzz bundle, and start its NAME_fuzzer";
            return Err(Problem::failed(what, remedy).into());
        }
        let server = Server::resolve(&[])?;
        let inspection = inspect::inspect(&server)?;
        let library = preload::locate(None)?;
        // The bundle's own options, such as the format of the inputs, are in the environment.
        let options = PreloadOptions::default().with_crashes_of_the_loop();
        // A panic's own stack takes a second, and the report has one.
        let options = options.with("RUST_BACKTRACE", "0".to_owned());
        let sandbox = Sandbox::prepare(&options, &library)?;
        Ok(Self { server, library, inspection, sandbox })
    }

    /// Returns the options of the preload.
    #[must_use]
    pub fn options(&self) -> &PreloadOptions {
        self.sandbox.options()
    }

    /// Returns the configuration of runs with this time limit.
    #[must_use]
    pub fn config(&self, timeout: Duration) -> RunConfig<'_> {
        RunConfig { server: &self.server, library: &self.library, options: self.options(), timeout }
    }
}
