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

use crate::Site;

/// How long a connection may stay silent.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a client may take to close its side after the server has closed its own.
const LINGER_TIMEOUT: Duration = Duration::from_secs(2);
/// How many bytes are read at once.
const READ_SIZE: usize = 16 * 1024;

/// How a server handles many connections.
#[derive(Debug)]
pub struct Model {
    /// What it is called on the command line.
    pub name: &'static str,
    /// The same in words.
    pub meaning: &'static str,
    serve: fn(TcpListener, Site, usize) -> io::Result<()>,
}

/// Those with our own protocol. The first is the default.
pub const SYNC: &[Model] = &[
    Model {
        name: "epoll",
        meaning: "A single thread around edge-triggered epoll",
        serve: |listener, site, _| epoll::serve(&listener, site),
    },
    Model {
        name: "poll",
        meaning: "A single thread around poll",
        serve: |listener, site, _| poll::serve(&listener, site),
    },
    Model {
        name: "accept-threads",
        meaning: "Several threads block in accept; each serves what it accepts",
        serve: accept_threads::serve,
    },
    Model {
        name: "thread-per-connection",
        meaning: "The main thread accepts; every connection gets a thread of its own",
        serve: |listener, site, _| thread_per_connection::serve(&listener, site),
    },
    Model {
        name: "pool",
        meaning: "The main thread accepts; a fixed number of workers take connections from a queue",
        serve: |listener, site, threads| pool::serve(&listener, site, threads),
    },
];

/// The one with a runtime. In a program of its own: with the runtime, there is six times as much to instrument.
pub const ASYNC: &[Model] =
    &[Model { name: "tokio", meaning: "hyper on tokio's multi-threaded runtime", serve: tokio::serve }];

impl Model {
    /// The one of this name.
    ///
    /// # Errors
    /// When there is none; says which there are.
    pub fn find<'a>(models: &'a [Self], name: &str) -> Result<&'a Self, String> {
        let names = || models.iter().map(|model| model.name).collect::<Vec<_>>().join(", ");
        models.iter().find(|model| model.name == name).ok_or_else(|| format!("this program has {}", names()))
    }

    /// Serves `site` to whoever connects to `listener`; `threads` matters to the models that have a
    /// fixed number of them.
    ///
    /// # Errors
    /// Returns only when the listener or the machine fails, never because of a client.
    pub fn serve(&self, listener: TcpListener, site: Site, threads: usize) -> io::Result<()> {
        (self.serve)(listener, site, threads)
    }
}
