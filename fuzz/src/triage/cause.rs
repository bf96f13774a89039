//! Cause of a finding, from its name in a history: how and where the process ended.

use std::fmt;

use memchr::memmem;
use serde::{Deserialize, Serialize};
use sockfuzz_protocol::{EXIT_SIGNAL, history};

use super::finding::FailureKind;
use crate::server::diagnose::signal_name;

/// What the preload writes before it ends a server that accepts no more connections.
const STOPPED_ACCEPTING: &[&str] = &[
    "sockfuzz: the server is idle, but accepts no more connections",
    "sockfuzz: the server has used up its descriptors",
];

/// How and where a process ended in the loop.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Cause {
    /// A crash at this place.
    Crash(String),
    /// A crash whose place is unknown, by this signal.
    CrashSomewhere(i32),
    /// The server accepts no more connections.
    StoppedAccepting,
    /// An exit with this status.
    Exit(i32),
    /// A hang. The hash of the code that ran is in its place: two hangs of the same bug can differ in it.
    Hang(String),
    /// An answer with this fault.
    WrongAnswer(String),
    /// An internal error of sockfuzz.
    InternalError,
}

impl Cause {
    /// Returns the cause that the name of a finding states, such as `sig:11,at:nginx+4a3c1`.
    #[must_use]
    pub fn of_finding(name: &str) -> Option<Self> {
        let number = || name.split(',').next()?.split_once(':')?.1.parse().ok();
        match history::kind(name) {
            "sig" => {
                let signal = number()?;
                Some(match history::place(name) {
                    _ if signal == EXIT_SIGNAL => Self::Exit(0),
                    // A sanitizer replaces the signal of a fault by its own.
                    Some(place) => Self::Crash(place.to_owned()),
                    None => Self::CrashSomewhere(signal),
                })
            }
            "exit" => number().map(Self::Exit),
            "hang" => Some(Self::Hang(history::place(name).unwrap_or_default().to_owned())),
            "internal" => Some(Self::InternalError),
            _ => None,
        }
    }

    /// Returns the cause that the name of a finding and the output of the process show.
    #[must_use]
    pub fn of_process(name: &str, output: &[u8]) -> Option<Self> {
        let has_stopped =
            STOPPED_ACCEPTING.iter().any(|mark| memmem::find(output, mark.as_bytes()).is_some());
        if has_stopped { Some(Self::StoppedAccepting) } else { Self::of_finding(name) }
    }

    /// Whether processes with these causes have ended in the same way, as far as the loop can tell.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        matches!((self, other), (Self::Hang(_), Self::Hang(_))) || self == other
    }

    /// Returns how the server fails.
    #[must_use]
    pub const fn kind(&self) -> FailureKind {
        match self {
            Self::Crash(_) | Self::CrashSomewhere(_) => FailureKind::Crash,
            Self::StoppedAccepting => FailureKind::StoppedAccepting,
            Self::Exit(_) => FailureKind::Exit,
            Self::Hang(_) => FailureKind::Hang,
            Self::WrongAnswer(_) => FailureKind::WrongAnswer,
            Self::InternalError => FailureKind::InternalError,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crash(place) => write!(f, "crash at {place}"),
            Self::CrashSomewhere(signal) => write!(f, "crash by {}", signal_name(*signal)),
            Self::StoppedAccepting => f.write_str("accepts no more connections"),
            Self::Exit(status) => write!(f, "exit with status {status}"),
            Self::Hang(place) if place.is_empty() => f.write_str("hang"),
            Self::Hang(place) => write!(f, "hang {place}"),
            Self::WrongAnswer(fault) => f.write_str(fault),
            Self::InternalError => f.write_str("internal error of sockfuzz"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_finding_states_its_cause() {
        let crash = Cause::Crash("nginx+4a3c1~9f".to_owned());
        assert_eq!(Cause::of_finding("sig:11,at:nginx+4a3c1~9f"), Some(crash.clone()));
        assert_eq!(Cause::of_finding("sig:06,at:nginx+4a3c1~9f"), Some(crash.clone()));
        assert_eq!(Cause::of_finding("sig:31"), Some(Cause::CrashSomewhere(31)));
        assert_eq!(Cause::of_finding("exit:3"), Some(Cause::Exit(3)));
        let hang = |name| Cause::of_finding(name).expect("a hang");
        assert!(hang("hang,at:~1").is_same(&hang("hang,at:~2")));
        assert_ne!(hang("hang,at:~1"), hang("hang,at:~2"));
        assert_eq!(Cause::of_finding("nonsense"), None);
        let output = b"sockfuzz: the server is idle, but accepts no more connections, since this input";
        assert_eq!(Cause::of_process("sig:06,at:x", output), Some(Cause::StoppedAccepting));
    }
}
