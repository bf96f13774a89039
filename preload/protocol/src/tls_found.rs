//! What the server speaks, as the preload has found it.

use std::fmt;

/// Result of asking the server for TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsFound {
    /// It does not speak TLS, or was not asked.
    Plain,
    /// It speaks TLS 1.2. Later connections resume the session of the first one, if it has given one.
    Tls12 {
        /// Whether it has given a session.
        resumes: bool,
    },
    /// It speaks TLS 1.3 only. Its sessions are not resumed.
    Tls13,
}

impl TlsFound {
    /// Returns the number that stands for it; never 0.
    pub(crate) fn to_word(self) -> u32 {
        match self {
            Self::Plain => 1,
            Self::Tls12 { resumes: false } => 2,
            Self::Tls12 { resumes: true } => 3,
            Self::Tls13 => 4,
        }
    }

    /// Returns what this number stands for; `None` for 0 and for numbers that stand for nothing.
    pub(crate) fn from_word(word: u32) -> Option<Self> {
        match word {
            1 => Some(Self::Plain),
            2 => Some(Self::Tls12 { resumes: false }),
            3 => Some(Self::Tls12 { resumes: true }),
            4 => Some(Self::Tls13),
            _ => None,
        }
    }

    /// Whether the client speaks TLS with it.
    #[must_use]
    pub fn is_tls(self) -> bool {
        self != Self::Plain
    }
}

impl fmt::Display for TlsFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "no TLS",
            Self::Tls12 { resumes: true } => "TLS 1.2, all connections resume one session",
            Self::Tls12 { resumes: false } => {
                "TLS 1.2, a full handshake for each connection, because the server gives no session to resume"
            }
            Self::Tls13 => {
                "TLS 1.3, a full handshake for each connection, because the server refuses TLS 1.2"
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_result_has_a_number() {
        for found in [
            TlsFound::Plain,
            TlsFound::Tls12 { resumes: false },
            TlsFound::Tls12 { resumes: true },
            TlsFound::Tls13,
        ] {
            assert_eq!(TlsFound::from_word(found.to_word()), Some(found));
        }
        assert_eq!(TlsFound::from_word(0), None);
    }
}
