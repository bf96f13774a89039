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

/// Maximum time without activity on a connection.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// Maximum time for a client to close its side after the server has closed its own.
const LINGER_TIMEOUT: Duration = Duration::from_secs(2);
/// Maximum number of bytes per read.
const READ_SIZE: usize = 16 * 1024;

/// Concurrency model: how a server handles many connections.
#[derive(Debug)]
pub struct Model {
    /// Name on the command line.
    pub name: &'static str,
    /// Description for the help text.
    pub meaning: &'static str,
    serve: fn(TcpListener, Site, usize) -> io::Result<()>,
}

/// Models on the parser of this crate. The first model is the default.
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

/// Model on an asynchronous runtime. It has its own program: a runtime makes the instrumented code six times as large.
pub const ASYNC: &[Model] =
    &[Model { name: "tokio", meaning: "hyper on tokio's multi-threaded runtime", serve: tokio::serve }];

impl Model {
    /// Finds a model by its name.
    ///
    /// # Errors
    /// Returns a message with all names if there is none.
    pub fn find<'a>(models: &'a [Self], name: &str) -> Result<&'a Self, String> {
        let names = || models.iter().map(|model| model.name).collect::<Vec<_>>().join(", ");
        models.iter().find(|model| model.name == name).ok_or_else(|| format!("the models are {}", names()))
    }

    /// Serves `site` to the clients of `listener`. `threads` is the number of threads of the models in
    /// which it is fixed.
    ///
    /// # Errors
    /// Returns only if the listener or the system fails, never because of a client.
    pub fn serve(&self, listener: TcpListener, site: Site, threads: usize) -> io::Result<()> {
        (self.serve)(listener, site, threads)
    }
}
