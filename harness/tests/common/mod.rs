//! Server in a separate process.

#![allow(dead_code, reason = "each test uses a different part")]

mod session;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Maximum time of every wait, so that a failing test ends.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Running server, which is killed on drop.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    stderr: Option<JoinHandle<String>>,
}

impl Server {
    /// Starts the program that has the model, on a free port.
    pub(crate) fn start(model: &str) -> Self {
        let programs = [env!("CARGO_BIN_EXE_sockfuzz-server"), env!("CARGO_BIN_EXE_sockfuzz-tokio")];
        Self::start_one_of(programs, model)
    }

    /// Starts the program that has the model and the planted bugs, on a free port.
    pub(crate) fn start_planted(model: &str) -> Self {
        let programs = [env!("CARGO_BIN_EXE_sockfuzz-planted"), env!("CARGO_BIN_EXE_sockfuzz-planted-tokio")];
        Self::start_one_of(programs, model)
    }

    fn start_one_of([own, tokio]: [&str; 2], model: &str) -> Self {
        let program = if model == "tokio" { tokio } else { own };
        let mut child = Command::new(program)
            .args(["--model", model, "--listen", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut stderr = BufReader::new(child.stderr.take().expect("stderr is piped"));
        let mut line = String::new();
        stderr.read_line(&mut line).expect("the server prints a line");
        let address = line
            .trim_end()
            .strip_prefix("listening on ")
            .and_then(|address| address.parse().ok())
            .unwrap_or_else(|| panic!("not an address: {line:?}"));
        let stderr = thread::spawn(move || {
            let mut text = Vec::new();
            stderr.read_to_end(&mut text).expect("stderr can be read");
            String::from_utf8_lossy(&text).into_owned()
        });
        Self { child, address, stderr: Some(stderr) }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("the server listens");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends `request`, half-closes, and reads to the end. Returns the bytes received until an error, if any.
    pub(crate) fn exchange(&self, request: &[u8]) -> Vec<u8> {
        let mut stream = self.connect();
        let mut answer = Vec::new();
        let _until_it_dies = stream
            .write_all(request)
            .and_then(|()| stream.shutdown(Shutdown::Write))
            .and_then(|()| stream.read_to_end(&mut answer));
        answer
    }

    /// Waits until the server ends. Returns its status and its stderr.
    pub(crate) fn wait(mut self) -> (ExitStatus, String) {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "the server has not ended");
            thread::sleep(Duration::from_millis(10));
        };
        (status, self.said())
    }

    /// Kills the server, which must be running. Returns its stderr.
    pub(crate) fn stop(mut self) -> String {
        let status = self.child.try_wait().unwrap();
        assert_eq!(status, None, "the server has ended: {}", self.said());
        self.child.kill().unwrap();
        self.said()
    }

    fn said(&mut self) -> String {
        let stderr = self.stderr.take().expect("read once");
        stderr.join().expect("the reader does not panic")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // An error means that the server has ended already.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}
