//! Connections as state machines, without I/O: they take bytes in and put bytes out.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::http::{BodyDecoder, Delivery, Framing, Head, HeadParser, HttpError, Request, Response, Version};
use crate::{Output, Session, Site};

/// Number of waiting output bytes at which no further request is started.
const HIGH_WATER: usize = 256 * 1024;

/// The server's side of an HTTP/1.x connection.
///
/// Feed it the bytes of the client, write its output, and close the connection when
/// [`is_over`](Self::is_over) returns true. Packet boundaries in the input make no difference.
#[derive(Debug)]
pub struct Connection {
    session: Session,
    state: ConnectionState,
    /// Received bytes that are not parsed yet.
    input: Vec<u8>,
    output: Output,
    /// Whether the client has half-closed.
    ended: bool,
    /// Whether the server answers no further requests.
    closing: bool,
}

/// Progress of the current request.
#[derive(Debug)]
enum ConnectionState {
    Head(HeadParser),
    Body { request: Request, decoder: BodyDecoder },
}

impl ConnectionState {
    fn new() -> Self {
        Self::Head(HeadParser::default())
    }
}

impl Connection {
    /// Creates a connection to `site`.
    pub fn new(site: Site) -> Self {
        Self {
            session: site.session(),
            state: ConnectionState::new(),
            input: Vec::new(),
            output: Output::default(),
            ended: false,
            closing: false,
        }
    }

    /// Receives bytes of the client and answers the requests that are complete.
    pub fn feed(&mut self, bytes: &[u8]) {
        if !self.closing {
            self.session.received(bytes);
            self.input.extend_from_slice(bytes);
            self.advance();
        }
    }

    /// Records that the client has half-closed: the connection is over when all requests are answered.
    pub fn finish(&mut self) {
        self.ended = true;
        self.advance();
    }

    /// Records that the client has reset the connection: nothing more can be read or written.
    pub fn lost(&self) {
        if let ConnectionState::Body { request, .. } = &self.state
            && !self.ended
        {
            self.session.lost_in_body(request.headers().first("Transfer-Encoding").is_some());
        }
    }

    /// Returns the bytes to write to the client.
    pub fn output(&self) -> &Output {
        &self.output
    }

    /// Records that the first `count` bytes of the output have been written.
    pub fn wrote(&mut self, count: usize) {
        self.output.consume(count);
        self.advance();
    }

    /// Whether to read from the client. False while too much output waits, so that a client which does
    /// not read its responses cannot exhaust the memory.
    pub fn wants_input(&self) -> bool {
        !self.ended && !self.closing && self.output.len() < HIGH_WATER
    }

    /// Whether all responses are written, and the connection is to be closed.
    pub fn is_over(&self) -> bool {
        self.closing && self.output.is_empty()
    }

    fn advance(&mut self) {
        let input = mem::take(&mut self.input);
        let mut rest = &input[..];
        while !self.closing && self.output.len() < HIGH_WATER {
            match self.step(&mut rest) {
                Ok(true) => {}
                Ok(false) => {
                    self.closing = self.ended;
                    break;
                }
                Err(error) => self.refuse(error),
            }
        }
        if !self.closing {
            let used = input.len() - rest.len();
            self.input = input;
            self.input.drain(..used);
        }
    }

    /// Advances the current request by one step. Returns false if that needs more input.
    fn step(&mut self, input: &mut &[u8]) -> Result<bool, HttpError> {
        match &mut self.state {
            ConnectionState::Head(parser) => {
                let Some(head) = parser.parse(input)? else {
                    return Ok(false);
                };
                self.begin(head)?;
            }
            ConnectionState::Body { request, decoder } => {
                if !decoder.decode(input, request)? {
                    return Ok(false);
                }
                if let ConnectionState::Body { request, .. } =
                    mem::replace(&mut self.state, ConnectionState::new())
                {
                    self.answer(&request);
                }
            }
        }
        Ok(true)
    }

    /// Prepares for the body that follows `head`.
    fn begin(&mut self, head: Head) -> Result<(), HttpError> {
        check_host(&head)?;
        let framing = Framing::of(&head)?;
        if head.expects_continue() && framing != Framing::Length(0) {
            // Sent even if the body has arrived already, which RFC 9110, section 10.1.1, permits:
            // the response must not depend on packet boundaries.
            self.output.push(b"HTTP/1.1 100 Continue\r\n\r\n".to_vec());
        }
        self.state =
            ConnectionState::Body { request: Request::new(head), decoder: BodyDecoder::new(framing) };
        Ok(())
    }

    fn answer(&mut self, request: &Request) {
        // A panic in a route closes its connection, but does not end the server.
        let answer = catch_unwind(AssertUnwindSafe(|| self.session.answer(request)));
        let keep_alive = request.head.keeps_alive() && answer.is_ok();
        let answer = answer.unwrap_or_else(|_| Response::text(500, "500: internal error\n"));
        let delivery =
            Delivery { version: request.head.version, head_only: request.method() == "HEAD", keep_alive };
        answer.deliver(delivery, &mut self.output);
        self.closing = !keep_alive;
    }

    /// Answers a malformed request and closes the connection: the start of the next request is unknown.
    fn refuse(&mut self, error: HttpError) {
        let delivery = Delivery { version: Version::Http11, head_only: false, keep_alive: false };
        Response::from(error).deliver(delivery, &mut self.output);
        self.closing = true;
    }
}

/// Checks the number of Host fields: one in HTTP/1.1, at most one in HTTP/1.0 (RFC 9112, section 3.2).
fn check_host(head: &Head) -> Result<(), HttpError> {
    match (head.headers.all("Host").count(), head.version) {
        (1, _) | (0, Version::Http10) => Ok(()),
        (0, Version::Http11) => Err(HttpError::bad_request("missing Host")),
        _ => Err(HttpError::bad_request("more than one Host")),
    }
}

#[cfg(test)]
mod tests;
