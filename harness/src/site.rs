//! Sites: the routes to serve, and the state of a connection to them.

use std::fs::File;
use std::io::Write;

use crate::http::{Request, Response};
use crate::planted::Planted;
use crate::routes;

/// Site of a server: the routes, with or without the planted bugs.
#[derive(Debug, Clone, Copy)]
pub struct Site {
    planted: bool,
    log: Option<&'static File>,
}

impl Site {
    /// Creates a site without planted bugs.
    pub const fn plain() -> Self {
        Self { planted: false, log: None }
    }

    /// Creates a site with the bugs of [`crate::planted`].
    pub const fn planted() -> Self {
        Self { planted: true, log: None }
    }

    /// Makes the site append the target of every request to `log`, which stays open as long as the
    /// server runs.
    pub fn logged(self, log: File) -> Self {
        Self { log: Some(Box::leak(Box::new(log))), ..self }
    }

    /// Creates the session of a new connection.
    pub fn session(self) -> Session {
        Session { planted: self.planted.then(Planted::default), log: self.log }
    }
}

/// Session of one connection, which answers its requests in order.
#[derive(Debug)]
pub struct Session {
    planted: Option<Planted>,
    log: Option<&'static File>,
}

impl Session {
    /// Records the bytes of one read from the client.
    pub fn received(&mut self, bytes: &[u8]) {
        if let Some(planted) = &mut self.planted {
            planted.received(bytes);
        }
    }

    /// Records that the client has reset the connection before a body was complete.
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
            // One write for each line, because other threads write, too. A full disk does not prevent the response.
            let _best_effort = log.write_all(format!("{}\n", request.head.target.raw).as_bytes());
        }
        routes::answer(request)
    }
}
