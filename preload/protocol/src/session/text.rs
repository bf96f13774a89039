//! Text form of sessions, for people: one step per line.
//!
//! ```text
//! send 0 "GET / HTTP/1.1\r\n"
//!        "Host: a\r\n"
//! open 1
//! reset 0    # with the request unfinished
//! ```

use std::fmt;
use std::str::FromStr;

use super::state::Refusal;
use super::{Action, Connection, MAX_STEPS, Session, SessionState, Step};

/// Error in the text of a session: its line, and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextError {
    line: usize,
    reason: String,
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

impl std::error::Error for TextError {}

impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps.iter().try_for_each(|step| step.fmt(f))
    }
}

impl fmt::Display for Step {
    /// Writes complete lines.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { connection, action } = self;
        let Action::Send(chunk) = action else {
            return writeln!(f, "{} {connection}", word(action));
        };
        let start = format!("{} {connection} ", word(action));
        for (index, line) in chunk.split_inclusive(|&byte| byte == b'\n').enumerate() {
            let start = if index == 0 { &start } else { "" };
            writeln!(f, "{start:7}\"{}\"", Escaped(line))?;
        }
        Ok(())
    }
}

/// Returns the first word of a line.
fn word<Bytes>(action: &Action<Bytes>) -> &'static str {
    match action {
        Action::Send(_) => "send",
        Action::Open => "open",
        Action::HalfClose => "half-close",
        Action::Close => "close",
        Action::Reset => "reset",
    }
}

/// Bytes in the form between quotes.
struct Escaped<'a>(&'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|&byte| match byte {
            b'\r' => f.write_str("\\r"),
            b'\n' => f.write_str("\\n"),
            b'\t' => f.write_str("\\t"),
            b'\\' | b'"' => write!(f, "\\{}", char::from(byte)),
            b' '..=b'~' => write!(f, "{}", char::from(byte)),
            _ => write!(f, "\\x{byte:02x}"),
        })
    }
}

impl FromStr for Session {
    type Err = TextError;

    /// Parses a text. An impossible step is an error, unlike in an encoded session.
    fn from_str(text: &str) -> Result<Self, TextError> {
        let mut steps: Vec<Step> = Vec::new();
        let mut state = SessionState::new();
        for (index, line) in text.lines().enumerate() {
            let error = |reason: String| TextError { line: index + 1, reason };
            let content = line.trim_start();
            if content.starts_with('"') {
                let Some(Step { action: Action::Send(chunk), .. }) = steps.last_mut() else {
                    return Err(error("a string must follow a send".to_owned()));
                };
                parse_string(content, chunk).map_err(error)?;
            } else if !content.is_empty() && !content.starts_with('#') {
                let step = parse_step(content).map_err(error)?;
                state
                    .take(step.connection, &step.action)
                    .map_err(|refusal| error(explain(refusal, step.connection)))?;
                steps.push(step);
            }
        }
        Ok(Self { steps })
    }
}

fn explain(refusal: Refusal, connection: Connection) -> String {
    match refusal {
        Refusal::NotOpen => format!("connection {connection} is not open here"),
        Refusal::AlreadyOpen => format!("connection {connection} is open already"),
        Refusal::HalfClosed => {
            format!("connection {connection} is half-closed; it can only be closed or reset")
        }
        Refusal::TooManySteps => format!("a session has at most {MAX_STEPS} steps"),
    }
}

fn parse_step(content: &str) -> Result<Step, String> {
    let (name, rest) = split_word(content);
    let (number, rest) = split_word(rest);
    let mut action =
        [Action::Send(Vec::new()), Action::Open, Action::HalfClose, Action::Close, Action::Reset]
            .into_iter()
            .find(|action| word(action) == name)
            .ok_or_else(|| format!("{name:?} is not a step; use send, open, half-close, close, or reset"))?;
    let connection = number.parse().ok().and_then(Connection::new).ok_or_else(|| {
        format!("after {name}, the number of a connection is required: 0 to {}", Connection::COUNT - 1)
    })?;
    match &mut action {
        Action::Send(chunk) => parse_string(rest, chunk)?,
        _ => expect_nothing(rest)?,
    }
    Ok(Step { connection, action })
}

fn split_word(text: &str) -> (&str, &str) {
    let end = text.find([' ', '\t', '"', '#']).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    (word, rest.trim_start())
}

/// Parses a string in quotes, and appends its bytes to `chunk`.
fn parse_string(content: &str, chunk: &mut Vec<u8>) -> Result<(), String> {
    let before = chunk.len();
    let mut rest =
        content.strip_prefix('"').ok_or("after send and its connection, a string is missing: \"...\"")?;
    loop {
        let end = rest.find(['"', '\\']).ok_or("the string has no closing quote")?;
        chunk.extend_from_slice(&rest.as_bytes()[..end]);
        let special = rest.as_bytes()[end];
        rest = &rest[end + 1..];
        if special == b'"' {
            break;
        }
        let (byte, length) = parse_escape(rest)?;
        chunk.push(byte);
        rest = &rest[length..];
    }
    if chunk.len() == before {
        return Err("a string must not be empty".to_owned());
    }
    expect_nothing(rest)
}

/// Parses an escape after its backslash. Returns the byte, and the number of characters that stand for it.
fn parse_escape(rest: &str) -> Result<(u8, usize), String> {
    let byte = match rest.as_bytes() {
        [b'r', ..] => b'\r',
        [b'n', ..] => b'\n',
        [b't', ..] => b'\t',
        [byte @ (b'\\' | b'"'), ..] => *byte,
        [b'x', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
            let byte = u8::from_str_radix(&rest[1..3], 16).map_err(|error| error.to_string())?;
            return Ok((byte, 3));
        }
        _ => {
            return Err(
                r#"after a backslash, write r, n, t, \, ", or x and two hexadecimal digits"#.to_owned()
            );
        }
    };
    Ok((byte, 1))
}

fn expect_nothing(rest: &str) -> Result<(), String> {
    let rest = rest.trim();
    if rest.is_empty() || rest.starts_with('#') {
        Ok(())
    } else {
        Err(format!("remove {rest:?} at the end of this line"))
    }
}
