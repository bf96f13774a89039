//! Stream of a client's connection: TCP, or TLS over TCP. It never blocks.

use std::io::{ErrorKind, Read, Result, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};

use rustls::ClientConnection;

use super::tls_client::TlsStream;

/// Stream of a connection.
#[derive(Debug)]
pub enum ClientStream {
    /// TCP.
    Plain(TcpStream),
    /// TLS.
    Tls(Box<TlsStream>),
}

impl ClientStream {
    /// Begins a connection over TCP, with this client of TLS if there is one.
    ///
    /// # Errors
    /// When the socket cannot be used.
    pub fn new(socket: TcpStream, tls: Option<ClientConnection>) -> Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(match tls {
            None => Self::Plain(socket),
            Some(client) => Self::Tls(Box::new(TlsStream::new(socket, client))),
        })
    }

    /// Returns the number of bytes that TLS has transferred, the handshake included.
    pub(super) fn transferred_records(&self) -> usize {
        match self {
            Self::Plain(_) => 0,
            Self::Tls(stream) => stream.transferred(),
        }
    }

    /// Whether content cannot be sent, because the handshake is not complete.
    pub(super) fn is_handshaking(&self) -> bool {
        matches!(self, Self::Tls(stream) if stream.is_handshaking())
    }

    /// Whether bytes wait until the connection takes them, when `unsent` is the content that waits.
    pub(super) fn has_unsent(&self, unsent: &[u8]) -> bool {
        match self {
            Self::Plain(_) => !unsent.is_empty(),
            Self::Tls(stream) => stream.has_unsent(),
        }
    }

    /// Receives content; returns whether the stream has ended. A reset ends the answer like an orderly close, and sets
    /// `reset`. So does the end of a connection without a word of TLS, as it ends answers of TCP.
    pub(super) fn receive(&mut self, answer: &mut Vec<u8>, reset: &mut bool) -> Result<bool> {
        let received = match self {
            Self::Plain(stream) => stream.read_to_end(answer),
            Self::Tls(stream) => stream.read_to_end(answer),
        };
        match received {
            Ok(_) => Ok(true),
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock => Ok(false),
                ErrorKind::UnexpectedEof => Ok(true),
                ErrorKind::ConnectionReset => {
                    *reset = true;
                    Ok(true)
                }
                _ => Err(error),
            },
        }
    }

    /// Sends content. If the server has closed the connection, drops the rest; its answer still counts.
    pub(super) fn send(&mut self, unsent: &mut Vec<u8>) -> Result<()> {
        while !unsent.is_empty() {
            let sent = match self {
                Self::Plain(stream) => stream.write(unsent),
                Self::Tls(stream) => stream.write(unsent),
            };
            match sent {
                Ok(sent) => drop(unsent.drain(..sent)),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => break,
                    ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => unsent.clear(),
                    _ => return Err(error),
                },
            }
        }
        Ok(())
    }

    /// Closes the sending half: with TLS, close_notify comes before the end of the connection.
    pub(super) fn close_sending(&mut self) -> Result<()> {
        let closed = match self {
            Self::Plain(stream) => stream.shutdown(Shutdown::Write),
            Self::Tls(stream) => stream.close_sending(),
        };
        unless_gone(closed)
    }

    /// Says that the connection will be closed, if its protocol has a word for that.
    pub(super) fn say_close(&mut self) -> Result<()> {
        match self {
            Self::Plain(_) => Ok(()),
            Self::Tls(stream) => unless_gone(stream.close_session()),
        }
    }
}

impl AsFd for ClientStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Plain(stream) => stream.as_fd(),
            Self::Tls(stream) => stream.socket().as_fd(),
        }
    }
}

/// Ignores that the server has closed the connection.
fn unless_gone(result: Result<()>) -> Result<()> {
    match result {
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::NotConnected | ErrorKind::BrokenPipe | ErrorKind::ConnectionReset
            ) =>
        {
            Ok(())
        }
        other => other,
    }
}
