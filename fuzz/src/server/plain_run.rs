//! Inputs for the plain server, without the preload, over real TCP, one after the other: what happens there happens to
//! the server's users.

use std::process::ExitStatus;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::server::plain_server::PlainServer;
use crate::server::sanitizers;
use crate::server::single_run::{EXIT_TIMEOUT, RunConfig};
use crate::server::tcp_client::TcpTimeouts;
use crate::util::interrupt;

/// Interval between two looks at the server's output.
const CHECK_INTERVAL: Duration = Duration::from_millis(50);

/// Effect of inputs on the plain server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlainEnd {
    /// It still serves.
    Serves,
    /// It ended.
    Ended(ExitStatus),
    /// It caught a Rust panic.
    Panicked,
    /// It did not answer in time.
    TimedOut,
}

/// Sends inputs to a fresh server without the preload.
///
/// # Errors
/// When the server never listens, or the user interrupts.
pub fn run(config: &RunConfig<'_>, inputs: &[Vec<u8>]) -> Result<PlainEnd> {
    let options = config.options.parsed();
    let linger = Duration::from_millis(options.linger_ms.into());
    let timeouts = TcpTimeouts { timeout: config.timeout, linger };
    let mut server = PlainServer::start(config.server, &options, config.timeout)?;
    let mut timed_out = false;
    for input in inputs {
        interrupt::check()?;
        let played = server.play(input, options.input, timeouts, None);
        timed_out = played.as_ref().is_ok_and(|answers| answers.timed_out);
        if timed_out || played.is_err() {
            break;
        }
    }
    // A thread may crash a little later, and a panic may abort the server.
    let deadline = Instant::now() + EXIT_TIMEOUT;
    while Instant::now() < deadline {
        if let Some(status) = server.end_within(CHECK_INTERVAL)? {
            return Ok(PlainEnd::Ended(status));
        }
        if sanitizers::has_rust_panic(&server.output()?) {
            let end = server.end_within(CHECK_INTERVAL)?;
            return Ok(end.map_or(PlainEnd::Panicked, PlainEnd::Ended));
        }
    }
    Ok(if timed_out { PlainEnd::TimedOut } else { PlainEnd::Serves })
}
