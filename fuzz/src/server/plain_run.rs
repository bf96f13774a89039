//! One input, brought to a fresh server over real TCP, without the preload: what the preloaded
//! answer is compared with.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use procfs::net::{TcpNetEntry, TcpState};
use procfs::process::{FDTarget, Process};

use crate::memory_file::MemoryFile;
use crate::printable::last_lines;
use crate::problem::{Problem, exit};
use crate::server::diagnose::{Stops, ending};
use crate::server::running::{Running, Waited};
use crate::server::{Server, process_tree};
use crate::tcp_client::{self, Pace};

/// Answers one input over TCP.
///
/// # Errors
/// When the server does not come to listen, or the connection cannot be made.
pub fn answer_over_tcp(server: &Server, port: Option<u16>, input: &[u8], pace: Pace) -> Result<Vec<u8>> {
    let words = MemoryFile::new(b"")?;
    let mut command = server.command();
    command.stdin(Stdio::null()).stdout(words.stdio()?).stderr(words.stdio()?);
    let mut running = Running::start_unseen(command)?;
    let address = wait_for_listener(&mut running, port, pace.timeout)
        .map_err(|error| without_preload(error, &words))?;
    tcp_client::play(address, input, pace, process_tree::is_asleep)
        .with_context(|| format!("cannot talk to the server at {address}"))
}

fn wait_for_listener(running: &mut Running, port: Option<u16>, patience: Duration) -> Result<SocketAddr> {
    let mut found = None;
    // A server may go to the background: then it ends with the last of its processes.
    let waited = running.wait_for_all(Instant::now() + patience, || {
        found = listener(port);
        found.is_some()
    })?;
    if let Some(address) = found {
        return Ok(address);
    }
    let (exit, what) = match waited {
        Waited::Ended(end) => (exit::EXITS, format!("it ended: {}", ending(end))),
        _ => (exit::NEVER_LISTENS, format!("it never listened; {}", Stops::look())),
    };
    let remedy = "repair what it reports; is its port taken by another server?";
    Err(Problem::new(exit, what, remedy).into())
}

/// The loopback address of the tree's oldest listening socket, or of the one with this port.
fn listener(port: Option<u16>) -> Option<SocketAddr> {
    let sockets: Vec<u64> = process_tree::own_descendants()
        .iter()
        .filter_map(|stat| Process::new(stat.pid).ok()?.fd().ok())
        .flatten()
        .filter_map(|descriptor| match descriptor.ok()?.target {
            FDTarget::Socket(inode) => Some(inode),
            _ => None,
        })
        .collect();
    let process = Process::myself().ok()?;
    [process.tcp(), process.tcp6()]
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.state == TcpState::Listen && sockets.contains(&entry.inode))
        .filter(|entry| port.is_none_or(|port| entry.local_address.port() == port))
        .min_by_key(|entry: &TcpNetEntry| entry.inode)
        .map(|entry| reachable(entry.local_address))
}

/// A wildcard address, as one connects to it.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

fn without_preload(error: anyhow::Error, words: &MemoryFile) -> anyhow::Error {
    let said = last_lines(&words.content().unwrap_or_default(), 4);
    let said: String = said.iter().map(|line| format!("\n  it said: {line}")).collect();
    error.context(format!("without the preload, over real TCP, the server does not serve{said}\n  and"))
}
