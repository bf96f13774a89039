//! Packet capture of what is said in replayed inputs.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use sockfuzz_protocol::InputFormat;
use sockfuzz_protocol::references::{self, EarlierAnswers};
use sockfuzz_protocol::session::{Action, Connection, Session};

use crate::input::exchanges::answered_by_chunk;
use crate::server::single_run::{RunEnd, SingleRun};
use crate::util::output_file;
use crate::util::packet_capture::{CaptureWriter, Side, Traffic, TrafficEvent};
use crate::util::problem::Problem;

/// Capture of all inputs that are replayed, one after the other.
pub(super) struct TrafficCapture {
    writer: CaptureWriter<BufWriter<File>>,
    /// Number of connections so far.
    connections: usize,
}

impl TrafficCapture {
    /// Creates the file, if there is a path. With `force`, an existing file is overwritten.
    ///
    /// # Errors
    /// When the file exists and `force` is not set, or when it cannot be written.
    pub(super) fn create(path: Option<&Path>, force: bool) -> Result<Option<Self>, Problem> {
        let Some(path) = path else { return Ok(None) };
        let file = BufWriter::new(output_file::create(path, force)?);
        let writer = CaptureWriter::new(file).map_err(|error| cannot_write(&error))?;
        Ok(Some(Self { writer, connections: 0 }))
    }

    /// Adds an input and the answers to it, in the order in which they were said as far as it is known: see
    /// [`answered_by_chunk`].
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn add(&mut self, input: &[u8], format: InputFormat, run: &SingleRun) -> Result<(), Problem> {
        let session = Session::of_input(input, format);
        if run.port != 0 {
            self.writer.set_server_port(run.port);
        }
        self.play(&session, run).map_err(|error| cannot_write(&error))
    }

    fn play(&mut self, session: &Session, run: &SingleRun) -> io::Result<()> {
        let mut conversations = Connection::ALL.map(|connection| Conversation::new(session, connection, run));
        let mut earlier = EarlierAnswers::new();
        if session.steps().is_empty() {
            conversations[0].open(self)?;
        }
        for step in session.steps() {
            let conversation = &mut conversations[step.connection.index()];
            match &step.action {
                Action::Open => drop(conversation.open(self)?),
                Action::Send(chunk) => {
                    earlier.end_step();
                    let mut filled = Vec::new();
                    references::fill(chunk, &earlier, &mut filled);
                    conversation.say(self, Side::Client, Traffic::Bytes(&filled))?;
                    let answer = conversation.next_answer();
                    earlier.add(step.connection, answer);
                    conversation.say(self, Side::Server, Traffic::Bytes(answer))?;
                }
                Action::HalfClose => conversation.half_close(self)?,
                Action::Close => conversation.end(self, run)?,
                Action::Reset => {
                    conversation.say(self, Side::Client, Traffic::Reset)?;
                    conversation.number = None;
                }
            }
        }
        conversations.iter_mut().try_for_each(|conversation| match conversation.number {
            Some(_) => conversation.end(self, run),
            None => Ok(()),
        })
    }

    fn write(&mut self, connection: usize, side: Side, traffic: Traffic<'_>) -> io::Result<()> {
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.writer.add(TrafficEvent { connection, time, side, traffic })
    }

    /// Completes the file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn finish(self) -> Result<(), Problem> {
        self.writer.into_output().flush().map_err(|error| cannot_write(&error))
    }
}

fn cannot_write(error: &io::Error) -> Problem {
    Problem::failed(format!("the capture cannot be written: {error}"), "choose another file for --pcap")
}

/// What is said on one connection of a session.
struct Conversation<'a> {
    /// Number in the capture, while the connection is open.
    number: Option<usize>,
    is_half_closed: bool,
    /// Bytes of the answer that were not said yet.
    answer: &'a [u8],
    /// Lengths of the answers to the chunks that were not sent yet.
    lengths: std::vec::IntoIter<usize>,
}

impl<'a> Conversation<'a> {
    fn new(session: &Session, connection: Connection, run: &'a SingleRun) -> Self {
        let answer = &*run.answers[connection.index()];
        let own = session.steps().iter().filter(|step| step.connection == connection);
        let chunks: Vec<&[u8]> = own
            .filter_map(|step| match &step.action {
                Action::Send(chunk) => Some(&**chunk),
                _ => None,
            })
            .collect();
        let lengths = answered_by_chunk(&chunks, answer).into_iter();
        Self { number: None, is_half_closed: false, answer, lengths }
    }

    /// Returns its number; opens it if it is not open.
    fn open(&mut self, capture: &mut TrafficCapture) -> io::Result<usize> {
        if let Some(number) = self.number {
            return Ok(number);
        }
        let number = capture.connections;
        capture.connections += 1;
        (self.number, self.is_half_closed) = (Some(number), false);
        capture.write(number, Side::Client, Traffic::Open)?;
        Ok(number)
    }

    fn say(&mut self, capture: &mut TrafficCapture, side: Side, traffic: Traffic<'_>) -> io::Result<()> {
        let number = self.open(capture)?;
        capture.write(number, side, traffic)
    }

    /// Returns the answer to the next chunk.
    fn next_answer(&mut self) -> &'a [u8] {
        let length = self.lengths.next().unwrap_or_default();
        let (next, rest) = self.answer.split_at(length.min(self.answer.len()));
        self.answer = rest;
        next
    }

    fn half_close(&mut self, capture: &mut TrafficCapture) -> io::Result<()> {
        if !std::mem::replace(&mut self.is_half_closed, true) {
            self.say(capture, Side::Client, Traffic::End)?;
        }
        Ok(())
    }

    /// Ends the connection: by both sides, or as the end of the server's process ends it.
    fn end(&mut self, capture: &mut TrafficCapture, run: &SingleRun) -> io::Result<()> {
        self.half_close(capture)?;
        // An answer without a request, such as a greeting.
        if self.lengths.len() == 0 {
            let rest = std::mem::take(&mut self.answer);
            self.say(capture, Side::Server, Traffic::Bytes(rest))?;
        }
        match run.end {
            RunEnd::Finished => self.say(capture, Side::Server, Traffic::End)?,
            RunEnd::Ended(_) => self.say(capture, Side::Server, Traffic::Reset)?,
            // The server has neither closed the connection nor ended.
            RunEnd::Background(..) | RunEnd::TimedOut(_) => {}
        }
        self.number = None;
        Ok(())
    }
}
