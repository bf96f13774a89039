//! The main thread accepts and starts a thread for every connection.

use std::io;
use std::net::TcpListener;
use std::thread;

use super::{accept, blocking};
use crate::Site;

pub(super) fn serve(listener: &TcpListener, site: Site) -> io::Result<()> {
    loop {
        let stream = blocking::accept(listener)?;
        let spawned =
            thread::Builder::new().name("connection".into()).spawn(move || blocking::serve(stream, site));
        if let Err(error) = spawned {
            // No thread could be started: the connection is closed, and the server continues.
            accept::survive(error)?;
        }
    }
}
