//! What is served, and what is remembered about a connection while it is served.

use crate::http::{Request, Response};
use crate::planted::Planted;
use crate::routes;

/// What a server serves: the routes, with or without the planted bugs.
#[derive(Debug, Clone, Copy)]
pub struct Site {
    planted: bool,
}

impl Site {
    /// The routes as they should be.
    pub const fn plain() -> Self {
        Self { planted: false }
    }

    /// The same routes with the bugs of [`crate::planted`].
    pub const fn planted() -> Self {
        Self { planted: true }
    }

    /// What a new connection starts with.
    pub fn session(self) -> Session {
        Session { planted: self.planted.then(Planted::default) }
    }
}

/// The requests of one connection, answered one after the other.
#[derive(Debug)]
pub struct Session {
    planted: Option<Planted>,
}

impl Session {
    /// Answers a request.
    pub fn answer(&mut self, request: &Request) -> Response {
        if let Some(planted) = &mut self.planted {
            planted.visit(request);
        }
        routes::answer(request)
    }
}
