//! Several threads block in accept on one listener; the kernel gives each connection to one of them.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use super::blocking;
use crate::Site;

pub(super) fn serve(listener: TcpListener, site: Site, threads: usize) -> io::Result<()> {
    let listener = Arc::new(listener);
    for number in 1..threads {
        let listener = Arc::clone(&listener);
        thread::Builder::new()
            .name(format!("acceptor-{number}"))
            .spawn(move || accept_all(&listener, site))?;
    }
    accept_all(&listener, site)
}

fn accept_all(listener: &TcpListener, site: Site) -> io::Result<()> {
    loop {
        blocking::serve(blocking::accept(listener)?, site);
    }
}
