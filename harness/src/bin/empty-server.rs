//! A server that does nothing: how fast an iteration itself is. It accepts a connection and closes it,
//! and a server cannot do less: one that does not accept has crashed.

use std::io;
use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::ptr;

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:8080")?;
    loop {
        // SAFETY: the listener is open, and null pointers say that the address is not wanted.
        let connection = unsafe { libc::accept(listener.as_raw_fd(), ptr::null_mut(), ptr::null_mut()) };
        if connection < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: accept has just opened this descriptor, and nobody else knows it.
        unsafe { libc::close(connection) };
    }
}
