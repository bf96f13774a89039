//! Client that plays a session over real TCP.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::thread;
use std::time::{Duration, Instant};

use sockfuzz_protocol::session::{Action, Session};

use super::{PATIENCE, Server};

impl Server {
    /// Plays `session`. Each step waits until the server has read all earlier bytes. Ignores errors: they
    /// mean that the server has ended, which the caller detects.
    pub(crate) fn play(&self, session: &Session) {
        let mut streams = BTreeMap::new();
        for step in session.steps() {
            let stream = streams.entry(step.connection).or_insert_with(|| self.connect());
            stream.set_nodelay(true).unwrap();
            match &step.action {
                Action::Open => {}
                Action::Send(bytes) => {
                    let _until_it_dies = stream.write_all(bytes);
                }
                Action::HalfClose => {
                    let _until_it_dies = stream.shutdown(Shutdown::Write);
                }
                Action::Close => drop(streams.remove(&step.connection)),
                Action::Reset => {
                    linger_no_more(stream);
                    streams.remove(&step.connection);
                }
            }
            if let Some(stream) = streams.get(&step.connection) {
                wait_until_read(stream);
            }
        }
        for (_, mut stream) in streams {
            let mut answer = Vec::new();
            let _until_it_dies =
                stream.shutdown(Shutdown::Write).and_then(|()| stream.read_to_end(&mut answer));
        }
    }
}

/// Makes closing the stream reset the connection (socket(7), SO_LINGER).
fn linger_no_more(stream: &TcpStream) {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    // SAFETY: pointer and size are those of one `linger` structure, which setsockopt only reads.
    let result = unsafe {
        libc::setsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_LINGER,
            (&raw const linger).cast(),
            size_of::<libc::linger>() as libc::socklen_t,
        )
    };
    assert_eq!(result, 0);
}

/// Waits until the server has received and read all bytes.
fn wait_until_read(stream: &TcpStream) {
    let Ok(server) = stream.peer_addr() else {
        return;
    };
    let ends = [(stream.local_addr().unwrap(), server), (server, stream.local_addr().unwrap())];
    let deadline = Instant::now() + PATIENCE;
    while queued(&ends[0]).is_some_and(|(unsent, _)| unsent > 0)
        || queued(&ends[1]).is_some_and(|(_, unread)| unread > 0)
    {
        assert!(Instant::now() < deadline, "the server does not read");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Returns the numbers of unsent and of unread bytes at one end (proc_pid_net(5), tcp).
fn queued((local, remote): &(SocketAddr, SocketAddr)) -> Option<(u64, u64)> {
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let queues = table.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let is = |word: &str, end: &SocketAddr| word.ends_with(&format!(":{:04X}", end.port()));
        (is(words[1], local) && is(words[2], remote)).then(|| words[4].to_owned())
    })?;
    let (unsent, unread) = queues.split_once(':')?;
    let count = |hexadecimal| u64::from_str_radix(hexadecimal, 16).ok();
    Some((count(unsent)?, count(unread)?))
}
