//! Record of one start of a campaign: what is needed to start it in the same way again.

use std::env;

use rustix::system::uname;
use serde::{Deserialize, Serialize};

/// Start or resumption of a campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignRun {
    /// Version of sockfuzz.
    pub sockfuzz: String,
    /// The kernel: its name, release and machine.
    pub kernel: String,
    /// Command line of sockfuzz, with its program.
    pub command: Vec<String>,
}

impl CampaignRun {
    /// Describes this process.
    #[must_use]
    pub fn of_this_process() -> Self {
        let kernel = uname();
        let parts = [kernel.sysname(), kernel.release(), kernel.machine()];
        Self {
            sockfuzz: env!("CARGO_PKG_VERSION").to_owned(),
            kernel: parts.map(|part| part.to_string_lossy()).join(" "),
            command: env::args_os().map(|word| word.to_string_lossy().into_owned()).collect(),
        }
    }
}
