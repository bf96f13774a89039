//! Connections of a recording: collected while they are open, written as inputs when they are closed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{Duration, Instant};

use anyhow::Result;
use sockfuzz_protocol::Endpoint;
use sockfuzz_protocol::recording::Record;

use crate::input::corpus::MAX_INPUT_BYTES;
use crate::input::import::{CorpusWriter, RecordedConnection, WriteOutcome};
use crate::input::request_counts::RequestCounts;
use crate::note;
use crate::server::recorded_server::RecordedServer;
use crate::util::printable::counted;
use crate::util::problem::Problem;

/// Interval at which closed connections are looked for.
const CLOSED_INTERVAL: Duration = Duration::from_millis(500);

/// Connections of a recording, and what has become of them.
#[derive(Debug)]
pub(super) struct Collection {
    writer: CorpusWriter,
    /// Listener whose connections are taken, whatever their protocol; all of HTTP without it.
    endpoint: Option<Endpoint>,
    open: BTreeMap<u64, RecordedConnection>,
    /// Connections that were closed at the last look.
    closed: BTreeSet<u64>,
    next_look: Instant,
    connections: u64,
    written: u64,
    duplicates: u64,
    cut: u64,
    skipped: BTreeMap<String, u64>,
    routes: RequestCounts,
}

impl Collection {
    pub(super) fn new(writer: CorpusWriter, endpoint: Option<Endpoint>) -> Self {
        Self {
            writer,
            endpoint,
            open: BTreeMap::new(),
            closed: BTreeSet::new(),
            next_look: Instant::now(),
            connections: 0,
            written: 0,
            duplicates: 0,
            cut: 0,
            skipped: BTreeMap::new(),
            routes: RequestCounts::default(),
        }
    }

    /// Adds an event.
    pub(super) fn add(&mut self, record: &Record<'_>) {
        self.open.entry(record.connection).or_default().add(record.kind, record.payload);
    }

    /// Takes what was recorded, and from time to time writes the connections that are closed, so that a long recording neither
    /// takes memory nor is lost.
    ///
    /// # Errors
    /// When the recording cannot be read, or an input cannot be written.
    pub(super) fn finish_closed(&mut self, server: &mut RecordedServer) -> Result<()> {
        server.read(|record| self.add(record))?;
        if Instant::now() < self.next_look {
            return Ok(());
        }
        self.next_look = Instant::now() + CLOSED_INTERVAL;
        let Some(open) = server.open_connections() else { return Ok(()) };
        let closed = self.open.keys().copied().filter(|number| !open.contains(number)).collect();
        // The kernel's list is no snapshot: one look may miss a connection. All records of one that was closed at the last look
        // have been read above.
        let before = std::mem::replace(&mut self.closed, closed);
        self.finish(|number| before.contains(number) && !open.contains(number))
    }

    /// Writes all connections.
    ///
    /// # Errors
    /// When an input cannot be written.
    pub(super) fn finish_all(&mut self) -> Result<()> {
        self.finish(|_| true)
    }

    fn finish(&mut self, is_closed: impl Fn(&u64) -> bool) -> Result<()> {
        let closed: Vec<u64> = self.open.keys().copied().filter(is_closed).collect();
        for connection in closed.iter().filter_map(|number| self.open.remove(number)).collect::<Vec<_>>() {
            self.write(&connection)?;
        }
        Ok(())
    }

    fn write(&mut self, connection: &RecordedConnection) -> Result<()> {
        let is_wanted = match self.endpoint {
            None => true,
            Some(Endpoint::Port(port)) => connection.port() == port,
            Some(Endpoint::Path(_)) => connection.port() == 0,
        };
        if !is_wanted {
            return Ok(());
        }
        self.connections += 1;
        self.cut += u64::from(connection.is_cut());
        let input = match connection.to_input(self.endpoint.is_some()) {
            Ok(input) => input,
            Err(reason) => {
                *self.skipped.entry(reason).or_default() += 1;
                return Ok(());
            }
        };
        self.routes.add(&connection.sent());
        match self.writer.add(&input)? {
            WriteOutcome::Written(path) => {
                self.written += 1;
                note!("wrote {} ({} bytes)", path.display(), input.bytes.len());
            }
            WriteOutcome::Known(_) => self.duplicates += 1,
            WriteOutcome::TooLong => {
                let reason = format!("{} bytes, AFL++'s limit is {MAX_INPUT_BYTES}", input.bytes.len());
                *self.skipped.entry(reason).or_default() += 1;
            }
        }
        Ok(())
    }

    /// Checks that the directory has what was recorded.
    ///
    /// # Errors
    /// When nothing was.
    pub(super) fn require_inputs(&self) -> Result<(), Problem> {
        if self.written + self.duplicates > 0 {
            return Ok(());
        }
        let (what, remedy) = if self.connections == 0 {
            (
                "nothing was recorded: no client has connected to the server",
                "send requests to the server's own address while it is recorded; with --port, to that one. If clients did \
                 connect, it accepts or reads by system calls past libc: capture its traffic, and use sockfuzz corpus import",
            )
        } else {
            (
                "nothing was recorded: no connection gave an input, for the reasons above",
                "send plain HTTP requests. If clients did, the server reads by system calls past libc: capture its traffic, \
                 and use sockfuzz corpus import",
            )
        };
        Err(Problem::failed(what, remedy))
    }
}

/// The summary.
impl fmt::Display for Collection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}, {}: {} written, {}",
            counted(self.connections, "connection", "connections"),
            counted(self.routes.requests(), "request", "requests"),
            counted(self.written, "input", "inputs"),
            counted(self.duplicates, "duplicate", "duplicates")
        )?;
        for (reason, count) in &self.skipped {
            writeln!(f, "skipped  {}: {reason}", counted(*count, "connection", "connections"))?;
        }
        if self.cut > 0 {
            writeln!(f, "cut      {}: longer than 1 MiB", counted(self.cut, "connection", "connections"))?;
        }
        write!(f, "{}", self.routes)
    }
}
