//! The bundled server: its concurrency models, and which program has which.

use std::ffi::OsString;

use clap::ValueEnum;

/// The bundled server's concurrency models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "kebab-case")]
pub enum Model {
    /// Several threads in accept
    AcceptThreads,
    /// A new thread for each connection
    ThreadPerConnection,
    /// A fixed pool of threads
    Pool,
    /// One thread and poll
    Poll,
    /// One thread and epoll
    Epoll,
    /// hyper on a multi-threaded tokio
    Tokio,
}

impl Model {
    /// What it is called on command lines.
    ///
    /// # Panics
    /// Never: no model is hidden.
    #[must_use]
    pub fn name(self) -> String {
        self.to_possible_value().expect("no model is hidden").get_name().to_owned()
    }

    /// The program that has it, or that one's twin with planted bugs.
    #[must_use]
    pub const fn program(self, planted: bool) -> &'static str {
        match (self, planted) {
            (Self::Tokio, false) => "sockfuzz-tokio",
            (Self::Tokio, true) => "sockfuzz-planted-tokio",
            (_, false) => "sockfuzz-server",
            (_, true) => "sockfuzz-planted",
        }
    }

    /// The program's arguments.
    #[must_use]
    pub fn arguments(self) -> Vec<OsString> {
        ["--model", &self.name(), "--listen", "127.0.0.1:8080"].map(OsString::from).to_vec()
    }
}
