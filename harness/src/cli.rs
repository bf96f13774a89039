//! The command line of both servers.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Parser;

use crate::Site;
use crate::models::Model;

/// A small HTTP/1.1 server
///
/// Serves a handful of routes (ask for / to see them) until it is killed.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Cli {
    /// How connections are handled
    #[arg(long, value_enum, default_value = "epoll")]
    pub model: Model,

    /// Address and port to listen on; port 0 lets the system choose
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// Threads of accept-threads, pool and tokio; the other models have no fixed number
    #[arg(long, value_name = "N", default_value_t = 4,
          value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: u16,

    /// Append the target of every request to this file, one a line
    #[arg(long, value_name = "FILE")]
    pub access_log: Option<PathBuf>,
}

impl Cli {
    /// Listens, says where on stderr, and serves `site`.
    ///
    /// # Errors
    /// When the address cannot be listened on, the log cannot be written, or the listener fails later.
    pub fn serve(self, mut site: Site) -> Result<()> {
        if let Some(path) = &self.access_log {
            let log = File::options().create(true).append(true).open(path);
            site = site.logged(log.with_context(|| format!("cannot write {}", path.display()))?);
        }
        let listener = TcpListener::bind(self.listen).with_context(|| {
            format!("cannot listen on {}: choose another address with --listen", self.listen)
        })?;
        eprintln!("listening on {}", listener.local_addr()?);
        self.model.serve(listener, site, self.threads.into()).context("the listener failed")
    }
}
