//! HTTP server for the live report. It renders the page for each request, and listens only on a loopback address.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::data::CampaignReport;
use super::html::{self, PagePlace};
use super::json;
use crate::util::interrupt;

/// Interval at which the page reloads itself. afl-fuzz writes its figures every five seconds.
const RELOAD_INTERVAL: Duration = Duration::from_secs(5);

/// Maximum number of clients at the same time; others are turned away.
const MAX_CLIENTS: usize = 16;
/// Maximum number of bytes of the head of a request.
const MAX_HEAD_BYTES: usize = 16 << 10;
/// Maximum time that a client may take for its request, and for reading the answer.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(2);
/// Interval of checking for Ctrl-C.
const POLL_INTERVAL: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// Answer to a request.
struct HttpAnswer {
    status: &'static str,
    content_type: &'static str,
    body: String,
}

/// Parses `HOST:PORT`.
///
/// # Errors
/// A text that is no address and port, or an address that is not a loopback one: the report shows inputs and paths,
/// which other machines must not read.
pub fn loopback_address(text: &str) -> Result<SocketAddr, String> {
    let addresses = text.to_socket_addrs().map_err(|error| format!("{error}; give it as 127.0.0.1:8080"))?;
    let mut addresses = addresses.peekable();
    let first = addresses.peek().copied().ok_or("it has no address")?;
    match addresses.all(|address| address.ip().is_loopback()) {
        true => Ok(first),
        false => Err("only loopback addresses are served, such as 127.0.0.1:8080".to_owned()),
    }
}

/// Serves the report of this output directory until the user interrupts. `started` is called with the address.
///
/// # Errors
/// When the address cannot be bound.
pub fn serve(out: &Path, address: SocketAddr, started: impl FnOnce(SocketAddr)) -> Result<()> {
    let listener = TcpListener::bind(address).with_context(|| format!("cannot listen on {address}"))?;
    listener.set_nonblocking(true)?;
    started(listener.local_addr()?);
    // Each client that is being answered holds a reference.
    let clients = Arc::new(());
    while interrupt::check().is_ok() {
        let mut readable = [PollFd::new(&listener, PollFlags::IN)];
        match poll(&mut readable, Some(&POLL_INTERVAL)) {
            Ok(1..) => {}
            Ok(0) | Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(io::Error::from(error).into()),
        }
        if let Ok((client, _)) = listener.accept()
            && Arc::strong_count(&clients) <= MAX_CLIENTS
        {
            let (place, out) = (Arc::clone(&clients), out.to_owned());
            // Browsers keep a connection open on which they send nothing, which must not delay the others. Without a
            // thread, and if the client goes away, the connection is closed.
            let _ = thread::Builder::new().spawn(move || {
                let _place = place;
                let _ = answer(client, &out);
            });
        }
    }
    Ok(())
}

fn answer(mut client: TcpStream, out: &Path) -> io::Result<()> {
    client.set_nonblocking(false)?;
    client.set_write_timeout(Some(CLIENT_TIMEOUT))?;
    let head = read_head(&mut client)?;
    let answer = answer_to(&head, out);
    write!(
        client,
        "HTTP/1.1 {}\r\nContent-Type: {}; charset=utf-8\r\nContent-Length: {}\r\nContent-Security-Policy: {}\r\n\
         Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
        answer.status,
        answer.content_type,
        answer.body.len(),
        html::policy(),
    )?;
    if !head.starts_with("HEAD ") {
        client.write_all(answer.body.as_bytes())?;
    }
    client.flush()
}

/// Reads the head of a request, within the time limit.
fn read_head(client: &mut TcpStream) -> io::Result<String> {
    let deadline = Instant::now() + CLIENT_TIMEOUT;
    let mut head = Vec::new();
    let mut buffer = [0; 2048];
    while !head.windows(4).any(|window| window == b"\r\n\r\n") && head.len() < MAX_HEAD_BYTES {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        client.set_read_timeout(Some(left))?;
        match client.read(&mut buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => head.extend_from_slice(&buffer[..count]),
        }
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

fn answer_to(head: &str, out: &Path) -> HttpAnswer {
    let text =
        |status, body: &str| HttpAnswer { status, content_type: "text/plain", body: body.to_owned() + "\n" };
    let mut lines = head.lines();
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let host =
        lines.filter_map(|line| line.split_once(':')).find(|(name, _)| name.eq_ignore_ascii_case("host"));
    // A page of another site may have a name that resolves to a loopback address (DNS rebinding).
    if !host.is_some_and(|(_, host)| is_loopback_host(host.trim())) {
        return text("421 Misdirected Request", "the Host field names no loopback address");
    }
    if !matches!(method, "GET" | "HEAD") {
        return text("405 Method Not Allowed", "only GET and HEAD are served");
    }
    let page = |reload| {
        HttpAnswer::of(
            "text/html",
            CampaignReport::collect(out).and_then(|it| html::render(&it, PagePlace::Live(reload))),
        )
    };
    match target {
        "/" => page(Some(RELOAD_INTERVAL)),
        "/?reload=off" => page(None),
        "/report.json" => HttpAnswer::of(
            "application/json",
            CampaignReport::collect(out).and_then(|report| json::render(&report)),
        ),
        _ => text("404 Not Found", "there are / and /report.json"),
    }
}

fn is_loopback_host(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl HttpAnswer {
    fn of(content_type: &'static str, body: Result<String>) -> Self {
        match body {
            Ok(body) => Self { status: "200 OK", content_type, body },
            Err(error) => Self {
                status: "500 Internal Server Error",
                content_type: "text/plain",
                body: format!("{error:#}\n"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_addresses_are_served() {
        for address in ["127.0.0.1:0", "[::1]:80", "localhost:8080"] {
            loopback_address(address).expect(address);
        }
        for address in ["0.0.0.0:80", "[::]:80", "192.0.2.1:80", "127.0.0.1", "8080", ""] {
            loopback_address(address).expect_err(address);
        }
    }

    #[test]
    fn other_hosts_methods_and_targets_are_refused() {
        let status = |head: &str| answer_to(head, Path::new("/nonexistent")).status;
        assert_eq!(status("GET / HTTP/1.1\r\nHost: evil.example:80\r\n\r\n"), "421 Misdirected Request");
        assert_eq!(status("GET / HTTP/1.1\r\n\r\n"), "421 Misdirected Request");
        assert_eq!(status("POST / HTTP/1.1\r\nHost: localhost\r\n\r\n"), "405 Method Not Allowed");
        assert_eq!(status("GET /../x HTTP/1.1\r\nhost: [::1]:80\r\n\r\n"), "404 Not Found");
        assert_eq!(status("GET / HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n"), "500 Internal Server Error");
        assert_eq!(status(""), "421 Misdirected Request");
    }
}
