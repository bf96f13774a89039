//! Output of `replay` for one input: its bytes or steps, the answers, and the server's stderr.

use std::borrow::Cow;
use std::io::{self, Write, stdout};

use sockfuzz_protocol::history::History;
use sockfuzz_protocol::session::{Connection, Session, has_marker};

use crate::input::corpus::Seed;
use crate::input::tls_text;
use crate::server::single_run::SingleRun;
use crate::util::printable::{counted, printable};

/// Maximum number of bytes of a request or an answer that are shown without `--raw`.
const MAX_SHOWN_BYTES: usize = 2000;

/// Maximum number of lines of the server's stderr that are shown unless a signal ended it or sockfuzz failed.
const MAX_STDERR_LINES: usize = 20;

/// Shows an input of one connection and the answer.
pub(super) fn show_request(Seed { name, bytes, .. }: &Seed, run: &SingleRun, raw: bool) -> io::Result<()> {
    show_bytes(&format!("request {name}"), bytes, raw)?;
    show_bytes("answer", &run.answer(), raw)
}

/// Shows a session and the answers on its connections.
pub(super) fn show_session(Seed { name, bytes, .. }: &Seed, run: &SingleRun, raw: bool) -> io::Result<()> {
    let session = Session::decode(bytes);
    if raw {
        show_bytes(&format!("session {name}"), bytes, raw)?;
    } else {
        write!(stdout(), "-- session {name} ({} bytes)\n{session}", bytes.len())?;
        for (connection, text) in tls_text::connections(&session) {
            write!(stdout(), "-- TLS on connection {connection}\n{text}")?;
        }
    }
    for (connection, answer) in Connection::ALL.into_iter().zip(&run.answers) {
        let is_used = session.steps().iter().any(|step| step.connection == connection);
        if is_used || !answer.is_empty() {
            show_bytes(&format!("answer on connection {connection}"), answer, raw)?;
        }
    }
    Ok(())
}

/// Shows how many inputs of a history ran, and the last of them.
pub(super) fn show_history(name: &str, history: &History, ran: usize, raw: bool) -> io::Result<()> {
    let inputs = counted(history.inputs.len() as u64, "input", "inputs");
    writeln!(stdout(), "-- history {name}: {inputs} of one process")?;
    if history.left_out > 0 {
        let earlier = counted(history.left_out, "earlier input", "earlier inputs");
        writeln!(stdout(), "   its beginning is lost: {earlier} had to make room for these")?;
    }
    let Some(last) = ran.checked_sub(1).map(|last| &history.inputs[last]) else { return Ok(()) };
    if has_marker(last) && !raw {
        return write!(
            stdout(),
            "-- input {ran}, a session ({} bytes)\n{}",
            last.len(),
            Session::decode(last)
        );
    }
    show_bytes(&format!("input {ran}"), last, raw)
}

fn show_bytes(title: &str, bytes: &[u8], raw: bool) -> io::Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "-- {title} ({} bytes)", bytes.len())?;
    let text = || tls_text::as_text(bytes).unwrap_or_else(|| printable(bytes, MAX_SHOWN_BYTES));
    let shown = if raw { Cow::from(bytes) } else { Cow::from(text().into_bytes()) };
    out.write_all(&shown)?;
    match *shown {
        [] | [.., b'\n'] => Ok(()),
        _ => writeln!(out),
    }
}

/// Shows the server's stderr: all of it, or its last lines with a note.
pub(super) fn show_output(output: &[u8], all: bool) -> io::Result<()> {
    let text = String::from_utf8_lossy(output);
    let lines: Vec<_> = text.lines().collect();
    let hidden = if all { 0 } else { lines.len().saturating_sub(MAX_STDERR_LINES) };
    let mut out = stdout().lock();
    if hidden > 0 {
        let hidden = counted(hidden as u64, "earlier line", "earlier lines");
        writeln!(out, "   | … {hidden} on stderr (--raw shows all)")?;
    }
    lines[hidden..].iter().try_for_each(|line| writeln!(out, "   | {line}"))
}
