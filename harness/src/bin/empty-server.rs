//! Empty server, which measures the cost of an iteration itself. It accepts connections and closes them. A
//! server cannot do less: one that does not accept counts as crashed.

use std::io;
use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::ptr;

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:8080")?;
    loop {
        // SAFETY: the listener is open, and null pointers are valid for an unwanted address (accept(2)).
        let connection = unsafe { libc::accept(listener.as_raw_fd(), ptr::null_mut(), ptr::null_mut()) };
        if connection < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: accept has just opened this descriptor, and nothing else owns it.
        unsafe { libc::close(connection) };
    }
}
