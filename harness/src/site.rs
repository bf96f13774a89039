//! What is served, and what is remembered about a connection while it is served.

use std::fs::File;
use std::io::Write;

use crate::http::{Request, Response};
use crate::planted::Planted;
use crate::routes;

/// What a server serves: the routes, with or without the planted bugs.
#[derive(Debug, Clone, Copy)]
pub struct Site {
    planted: bool,
    log: Option<&'static File>,
}

impl Site {
    /// The routes as they should be.
    pub const fn plain() -> Self {
        Self { planted: false, log: None }
    }

    /// The same routes with the bugs of [`crate::planted`].
    pub const fn planted() -> Self {
        Self { planted: true, log: None }
    }

    /// The same site, which appends the target of every request to `log`. That stays open as long as
    /// the server runs.
    pub fn logged(self, log: File) -> Self {
        Self { log: Some(Box::leak(Box::new(log))), ..self }
    }

    /// What a new connection starts with.
    pub fn session(self) -> Session {
        Session { planted: self.planted.then(Planted::default), log: self.log }
    }
}

/// The requests of one connection, answered one after the other.
#[derive(Debug)]
pub struct Session {
    planted: Option<Planted>,
    log: Option<&'static File>,
}

impl Session {
    /// Bytes were read from the client, these at once.
    pub fn received(&mut self, bytes: &[u8]) {
        if let Some(planted) = &mut self.planted {
            planted.received(bytes);
        }
    }

    /// The client has reset the connection before its body was complete.
    pub fn lost_in_body(&self, chunked: bool) {
        if let Some(planted) = &self.planted {
            planted.lost_in_body(chunked);
        }
    }

    /// Answers a request.
    pub fn answer(&mut self, request: &Request) -> Response {
        if let Some(planted) = &mut self.planted {
            planted.visit(request);
        }
        if let Some(mut log) = self.log {
            // In one piece: other threads write, too. A full disk is no reason not to answer.
            let _best_effort = log.write_all(format!("{}\n", request.head.target.raw).as_bytes());
        }
        routes::answer(request)
    }
}
