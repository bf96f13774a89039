//! The concurrency models: one file each, all serving the same site.

mod accept;
mod accept_threads;
mod blocking;
mod epoll;
mod nonblocking;
mod poll;
mod pool;
mod thread_per_connection;
mod tokio;
mod watched;

use std::io;
use std::net::TcpListener;
use std::time::Duration;

use clap::ValueEnum;

use crate::Site;

/// How long a connection may stay silent.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a client may take to close its side after the server has closed its own.
const LINGER_TIMEOUT: Duration = Duration::from_secs(2);
/// How many bytes are read at once.
const READ_SIZE: usize = 16 * 1024;

/// How a server handles many connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Model {
    /// Several threads block in accept; each serves what it accepts
    AcceptThreads,
    /// The main thread accepts; every connection gets a thread of its own
    ThreadPerConnection,
    /// The main thread accepts; a fixed number of workers take connections from a queue
    Pool,
    /// A single thread around poll
    Poll,
    /// A single thread around edge-triggered epoll
    Epoll,
    /// hyper on tokio's multi-threaded runtime
    Tokio,
}

impl Model {
    /// Serves `site` to whoever connects to `listener`; `threads` matters to the models that have a
    /// fixed number of them.
    ///
    /// # Errors
    /// Returns only when the listener or the machine fails, never because of a client.
    pub fn serve(self, listener: TcpListener, site: Site, threads: usize) -> io::Result<()> {
        match self {
            Self::AcceptThreads => accept_threads::serve(listener, site, threads),
            Self::ThreadPerConnection => thread_per_connection::serve(&listener, site),
            Self::Pool => pool::serve(&listener, site, threads),
            Self::Poll => poll::serve(&listener, site),
            Self::Epoll => epoll::serve(&listener, site),
            Self::Tokio => tokio::serve(listener, site, threads),
        }
    }
}
