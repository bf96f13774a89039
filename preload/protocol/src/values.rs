//! What options accept: words, each set of them an enum, and a few other things.

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
    /// How often the server is fed.
    Mode {
        /// Decided by who started the server.
        Auto = "auto",
        /// One connection, stdin to stdout.
        Once = "once",
        /// AFL++'s persistent loop.
        Loop = "loop",
    }
}

words! {
    /// How bytes reach the server.
    Transport {
        /// Decided by whoever has compared the answers; `unix` where nobody has.
        Auto = "auto",
        /// A UNIX-domain stream socket that the server takes for TCP.
        Unix = "unix",
        /// A real loopback connection.
        Tcp = "tcp",
        /// The same socket as `unix`, with connections of which the kernel knows nothing.
        Memory = "memory",
    }
}

words! {
    /// What an input is.
    InputFormat {
        /// The bytes of one connection.
        Raw = "raw",
        /// Steps over several connections.
        Session = "session",
    }
}

words! {
    /// How answers come out of a single run.
    AnswerFormat {
        /// As they come.
        Plain = "plain",
        /// In pieces that say where they are from: see [`crate::answers`].
        Pieces = "pieces",
    }
}

words! {
    /// How iterations are paced.
    Loop {
        /// Decided by what the server was built with.
        Auto = "auto",
        /// The server's process speaks to AFL++ itself.
        Direct = "direct",
        /// The runtime's persistent loop.
        Afl = "afl",
    }
}

words! {
    /// Whether something happens.
    Switch {
        /// It does.
        On = "on",
        /// It does not.
        Off = "off",
    }
}

words! {
    /// What time the server sees.
    Clock {
        /// Stands still, and jumps.
        Virtual = "virtual",
        /// The machine's.
        Real = "real",
    }
}

words! {
    /// What the server draws when it asks for randomness.
    Randomness {
        /// The same in every iteration.
        Fixed = "fixed",
        /// What the kernel gives.
        Real = "real",
    }
}

words! {
    /// What a Rust panic means.
    Panics {
        /// A crash in the loop, left alone in a single run.
        Auto = "auto",
        /// Always a crash.
        Crash = "crash",
        /// Always left alone.
        Pass = "pass",
    }
}

words! {
    /// What a server means that is idle but accepts no more connections.
    DeadAccept {
        /// A crash in the loop, not looked for in a single run.
        Auto = "auto",
        /// Always a crash.
        Crash = "crash",
        /// Never a crash.
        Count = "count",
    }
}

words! {
    /// What a server means that exits in the middle of an iteration.
    Exits {
        /// A crash.
        Crash = "crash",
        /// Never a crash.
        Count = "count",
    }
}

words! {
    /// What a crash of a child process means.
    ChildCrashes {
        /// A crash of the server in the loop, left alone in a single run.
        Auto = "auto",
        /// Always a crash of the server.
        Crash = "crash",
        /// Always left alone.
        Pass = "pass",
    }
}

words! {
    /// Whether the server is confined.
    SandboxMode {
        /// As far as the kernel allows.
        Auto = "auto",
        /// Completely, or the server does not start.
        Require = "require",
        /// It is not.
        Off = "off",
    }
}

words! {
    /// What a confined server may reach.
    Network {
        /// A loopback interface of its own.
        None = "none",
        /// What the machine reaches.
        Host = "host",
    }
}

/// Absolute paths, joined with colons.
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
    /// Which system calls are seen.
    Syscalls {
        /// Those through libc, and those of objects that need it.
        Auto = "auto",
        /// Those through libc.
        Libc = "libc",
        /// All of them.
        Trap = "trap",
    }
}

/// Which listener is meant.
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
