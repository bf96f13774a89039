//! Values of options: an enum for each set of words, and a few other types.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Declares an enum whose variants are the words that an option accepts.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$vmeta])* $variant),+ }

        impl FromStr for $name {
            type Err = ();

            fn from_str(word: &str) -> Result<Self, ()> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(()),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $word),+ })
            }
        }
    };
}

words! {
    /// Mode of the preload.
    Mode {
        /// The loop if an AFL++ tool has started the server, otherwise a single run.
        Auto = "auto",
        /// A single run, from stdin to stdout.
        Once = "once",
        /// AFL++'s persistent loop.
        Loop = "loop",
        /// The server runs as without the preload; what its clients send is recorded.
        Record = "record",
        /// None: the server runs as without the preload, except that it finds relocated files.
        Off = "off",
    }
}

words! {
    /// Transport: the way in which bytes reach the server.
    Transport {
        /// `memory` if a comparison has shown that its answers equal those of `unix`, otherwise `unix`.
        Auto = "auto",
        /// A UNIX-domain stream socket that the server sees as TCP.
        Unix = "unix",
        /// A real loopback connection.
        Tcp = "tcp",
        /// The listener of `unix`, with connections that are not visible to the kernel.
        Memory = "memory",
    }
}

words! {
    /// Format of an input.
    InputFormat {
        /// The bytes of one connection.
        Raw = "raw",
        /// Steps over several connections.
        Session = "session",
    }
}

words! {
    /// Format of the answers of a single run.
    AnswerFormat {
        /// Plain bytes, as they arrive.
        Plain = "plain",
        /// Pieces that name their connection: see [`crate::answers`].
        Pieces = "pieces",
    }
}

words! {
    /// Way in which iterations follow each other.
    Loop {
        /// `direct` if the server's AFL++ runtime supports it, otherwise `afl`.
        Auto = "auto",
        /// The server's process speaks to AFL++ itself.
        Direct = "direct",
        /// The runtime's persistent loop.
        Afl = "afl",
    }
}

words! {
    /// Whether a feature is on.
    Switch {
        /// The feature is on.
        On = "on",
        /// The feature is off.
        Off = "off",
    }
}

words! {
    /// Clock that the server sees.
    Clock {
        /// A virtual clock, which stands still and jumps.
        Virtual = "virtual",
        /// The machine's clock.
        Real = "real",
    }
}

words! {
    /// Random bytes that the server draws.
    Randomness {
        /// The same bytes in every iteration.
        Fixed = "fixed",
        /// The kernel's random bytes.
        Real = "real",
    }
}

words! {
    /// Verdict on a Rust panic.
    Panics {
        /// A crash in the loop, ignored in a single run.
        Auto = "auto",
        /// Always a crash.
        Crash = "crash",
        /// Always ignored.
        Pass = "pass",
    }
}

words! {
    /// Verdict on a server that is idle but accepts no more connections.
    DeadAccept {
        /// A crash in the loop, not detected in a single run.
        Auto = "auto",
        /// Always a crash.
        Crash = "crash",
        /// Never a crash.
        Count = "count",
    }
}

words! {
    /// Verdict on a server that exits in the middle of an iteration.
    Exits {
        /// A crash.
        Crash = "crash",
        /// Never a crash.
        Count = "count",
    }
}

words! {
    /// Verdict on a crash of a child process.
    ChildCrashes {
        /// A crash of the server in the loop, ignored in a single run.
        Auto = "auto",
        /// Always a crash of the server.
        Crash = "crash",
        /// Always ignored.
        Pass = "pass",
    }
}

words! {
    /// Mode of the sandbox.
    SandboxMode {
        /// The server is confined as far as the kernel allows.
        Auto = "auto",
        /// The server is confined completely, or does not start.
        Require = "require",
        /// The server is not confined.
        Off = "off",
    }
}

words! {
    /// Network of a confined server.
    Network {
        /// A loopback interface of its own.
        None = "none",
        /// The machine's network.
        Host = "host",
    }
}

/// List of absolute paths, joined with colons.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DirectoryList(pub Vec<PathBuf>);

impl FromStr for DirectoryList {
    type Err = ();

    fn from_str(list: &str) -> Result<Self, ()> {
        let paths = list.split(':').filter(|path| !path.is_empty()).map(PathBuf::from);
        paths
            .map(|path| if path.is_absolute() { Ok(path) } else { Err(()) })
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

words! {
    /// System calls that the preload sees.
    Syscalls {
        /// Calls through libc, and direct calls of objects that need it.
        Auto = "auto",
        /// Calls through libc.
        Libc = "libc",
        /// All calls.
        Trap = "trap",
    }
}

words! {
    /// Encryption between the client and the server.
    Tls {
        /// The client speaks TLS if the server does.
        Auto = "auto",
        /// It speaks TLS.
        On = "on",
        /// It does not.
        Off = "off",
        /// It speaks TLS in the warm-up; inputs are sent below it.
        Raw = "raw",
    }
}

/// Listener that the user selects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// The TCP listener on this port.
    Port(u16),
    /// The UNIX-domain listener at this path; `@` begins an abstract name.
    Path(String),
}

impl FromStr for Endpoint {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if text.contains('/') || text.starts_with('@') {
            return Ok(Self::Path(text.to_owned()));
        }
        text.parse().map(Self::Port).map_err(drop)
    }
}
