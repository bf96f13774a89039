//! Blocking service of one connection, for the models in which a thread serves one connection at a time.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

use super::{IDLE_TIMEOUT, LINGER_TIMEOUT, READ_SIZE, accept};
use crate::{Connection, Site};

/// Waits for the next connection.
///
/// # Errors
/// Fails only if the listener is unusable.
pub(super) fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    loop {
        match listener.accept() {
            Ok((stream, _)) => return Ok(stream),
            Err(error) => accept::survive(error)?,
        }
    }
}

/// Serves a connection to its end.
pub(super) fn serve(mut stream: TcpStream, site: Site) {
    // An error affects this connection only, and no client is left to report it to.
    let mut buffer = [0; READ_SIZE];
    let _ended = converse(&mut stream, site, &mut buffer).and_then(|()| linger(&mut stream, &mut buffer));
}

fn converse(stream: &mut TcpStream, site: Site, buffer: &mut [u8]) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(IDLE_TIMEOUT))?;
    stream.set_write_timeout(Some(IDLE_TIMEOUT))?;
    let mut connection = Connection::new(site);
    loop {
        while !connection.output().is_empty() {
            match stream.write_vectored(&connection.output().slices()) {
                Ok(count) => connection.wrote(count),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if connection.is_over() {
            return Ok(());
        }
        match stream.read(buffer) {
            Ok(0) => connection.finish(),
            Ok(count) => connection.feed(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => {
                if error.kind() == ErrorKind::ConnectionReset {
                    connection.lost();
                }
                return Err(error);
            }
        }
    }
}

/// Closes in two steps: closing with unread input would make the kernel reset the connection, and
/// the client might lose the last response (RFC 9112, section 9.6).
fn linger(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    stream.set_read_timeout(Some(LINGER_TIMEOUT))?;
    while stream.read(buffer)? > 0 {}
    Ok(())
}
