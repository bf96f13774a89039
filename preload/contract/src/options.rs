//! Every option of the preload, in one table. Help texts, the README and the parser all read it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// One row of the table: how an option is spelled, what it falls back to, what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptionSpec {
    /// Environment variable that the preload reads.
    pub variable: &'static str,
    /// Flag of the command line (without the dashes) that sets it.
    pub flag: &'static str,
    /// Placeholder for the value in help texts.
    pub value: &'static str,
    /// Value when nothing is said; empty when the option is simply off.
    pub default: &'static str,
    /// One sentence for a person.
    pub meaning: &'static str,
}

/// The table's rows, by name.
pub mod specs {
    use super::OptionSpec;

    /// Once or loop.
    pub const MODE: OptionSpec = OptionSpec {
        variable: "SOCKFUZZ_MODE",
        flag: "mode",
        value: "auto|once|loop",
        default: "auto",
        meaning: "once: stdin to the server, its answer to stdout; loop: AFL++'s persistent loop; \
                  auto: loop when an AFL++ tool started the server, otherwise once",
    };

    /// How bytes reach the server.
    pub const TRANSPORT: OptionSpec = OptionSpec {
        variable: "SOCKFUZZ_TRANSPORT",
        flag: "transport",
        value: "unix|tcp|memory",
        default: "unix",
        meaning: "unix: the listener silently becomes a UNIX-domain socket, no port is bound; \
                  tcp: a real loopback connection to a port of the kernel's choice; \
                  memory: as unix, but bytes and readiness never reach the kernel, for a server with one thread",
    };

    /// Which listener is taken over.
    pub const PORT: OptionSpec = OptionSpec {
        variable: "SOCKFUZZ_PORT",
        flag: "port",
        value: "PORT|PATH",
        default: "",
        meaning: "the port whose listener is taken over, for a server with several; without it, the \
                  first TCP listener; or the path of a UNIX-domain listener (@NAME: an abstract one)",
    };

    /// Who makes the listener.
    pub const SOCKET_ACTIVATION: OptionSpec = OptionSpec {
        variable: "SOCKFUZZ_SOCKET_ACTIVATION",
        flag: "socket-activation",
        value: "on|off",
        default: "off",
        meaning: "on: the server finds its listener at descriptor 3, as systemd hands it over (LISTEN_FDS)",
    };

    /// Iterations per process.
    pub const ITERATIONS: OptionSpec = OptionSpec {
        variable: "SOCKFUZZ_ITERATIONS",
        flag: "iterations",
        value: "COUNT",
        default: "10000",
        meaning: "iterations that one server process runs before a fresh one takes its place",
    };

    /// How processes are forked and iterations paced.
    pub const LOOP: OptionSpec = OptionSpec {
        variable: "SOCKFUZZ_LOOP",
        flag: "loop",
        value: "auto|direct|afl",
        default: "auto",
        meaning: "direct: the server speaks to AFL++ itself; afl: by way of the persistent loop that AFL++ has \
                  built into it; auto: direct where its AFL++ is known well enough, otherwise afl",
    };

    /// Sessions before the first counted iteration.
    pub const WARM_UP: OptionSpec = OptionSpec {
        variable: "SOCKFUZZ_WARM_UP",
        flag: "warm-up",
        value: "on|off",
        default: "on",
        meaning: "in the loop, answer a few plain requests first, uncounted, so that what the server \
                  sets up at its first request is over",
    };

    /// Repeating iterations that set things up.
    pub const SETTLE: OptionSpec = OptionSpec {
        variable: "SOCKFUZZ_SETTLE",
        flag: "settle",
        value: "on|off",
        default: "on",
        meaning: "in the loop, repeat an input that ran code which its process had never run, and report \
                  the coverage of the repetition: the first time through, servers allocate and cache",
    };

    /// What time it is.
    pub const CLOCK: OptionSpec = OptionSpec {
        variable: "SOCKFUZZ_CLOCK",
        flag: "clock",
        value: "virtual|real",
        default: "virtual",
        meaning: "virtual: in the loop, time stands still while the server works and jumps when it waits \
                  for a timer only (not in servers that fork); real: the machine's time",
    };

    /// What randomness is worth.
    pub const RANDOMNESS: OptionSpec = OptionSpec {
        variable: "SOCKFUZZ_RANDOMNESS",
        flag: "randomness",
        value: "fixed|real",
        default: "fixed",
        meaning: "fixed: in the loop, getrandom, /dev/urandom and the like give the same bytes in every \
                  iteration; real: the kernel's",
    };

    /// What a Rust panic means.
    pub const PANICS: OptionSpec = OptionSpec {
        variable: "SOCKFUZZ_PANICS",
        flag: "panics",
        value: "auto|crash|pass",
        default: "auto",
        meaning: "crash: a Rust panic ends the server even where it would catch it; \
                  pass: leave panics alone; auto: crash in the loop, pass in a single run",
    };

    /// What a server means that accepts no more.
    pub const DEAD_ACCEPT: OptionSpec = OptionSpec {
        variable: "SOCKFUZZ_DEAD_ACCEPT",
        flag: "dead-accept",
        value: "auto|crash|count",
        default: "auto",
        meaning: "crash: a server that is idle but accepts no more connections has crashed; \
                  count: it is only counted; auto: crash in the loop, not looked for in a single run",
    };

    /// System calls that bypass libc.
    pub const SYSCALLS: OptionSpec = OptionSpec {
        variable: "SOCKFUZZ_SYSCALLS",
        flag: "syscalls",
        value: "auto|libc|trap",
        default: "auto",
        meaning: "libc: see only the calls that go through libc; trap: a seccomp filter brings back those of \
                  every object with system calls of its own; auto: of objects found to wait or accept in them",
    };

    /// Patience after the half-close.
    pub const LINGER: OptionSpec = OptionSpec {
        variable: "SOCKFUZZ_LINGER",
        flag: "linger",
        value: "MILLISECONDS",
        default: "1000",
        meaning: "in a single run, how long an idle server may keep the half-closed connection \
                  open before the client hangs up",
    };

    /// Whether the server is confined.
    pub const SEAT_BELT: OptionSpec = OptionSpec {
        variable: "SOCKFUZZ_SEAT_BELT",
        flag: "seat-belt",
        value: "auto|require|off",
        default: "off",
        meaning: "auto: as far as the kernel allows, keep the server from changing files, from the network, \
                  and from signalling processes outside; require: or do not start it; off: it runs with all \
                  your rights (sockfuzz check, fuzz and replay ask for auto)",
    };

    /// Exceptions to the seat belt: files.
    pub const WRITABLE: OptionSpec = OptionSpec {
        variable: "SOCKFUZZ_WRITABLE",
        flag: "writable",
        value: "/DIR[:/DIR]",
        default: "",
        meaning: "with the seat belt, directories that the server may write to all the same",
    };

    /// Exceptions to the seat belt: the network.
    pub const NETWORK: OptionSpec = OptionSpec {
        variable: "SOCKFUZZ_NETWORK",
        flag: "network",
        value: "none|host",
        default: "none",
        meaning: "with the seat belt, none: a loopback interface of the server's own and nothing else; host: \
                  the machine's network, for a server that needs a backend outside",
    };

    /// Where the status page is.
    pub const STATUS: OptionSpec = OptionSpec {
        variable: "SOCKFUZZ_STATUS",
        flag: "status",
        value: "FILE",
        default: "",
        meaning: "file of at least one page in which the preload keeps its status for an observer",
    };

    /// Every row, in the order in which help texts show them.
    pub const ALL: &[&OptionSpec] = &[
        &MODE,
        &TRANSPORT,
        &PORT,
        &SOCKET_ACTIVATION,
        &LOOP,
        &ITERATIONS,
        &WARM_UP,
        &SETTLE,
        &CLOCK,
        &RANDOMNESS,
        &PANICS,
        &DEAD_ACCEPT,
        &SYSCALLS,
        &LINGER,
        &SEAT_BELT,
        &WRITABLE,
        &NETWORK,
        &STATUS,
    ];
}

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
        /// A UNIX-domain stream socket that the server takes for TCP.
        Unix = "unix",
        /// A real loopback connection.
        Tcp = "tcp",
        /// The same socket as `unix`, with connections of which the kernel knows nothing.
        Memory = "memory",
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
    /// Whether the server is confined.
    SeatBelt {
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
pub struct Directories(pub Vec<PathBuf>);

impl FromStr for Directories {
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
pub enum Place {
    /// The TCP listener on this port.
    Port(u16),
    /// The UNIX-domain listener at this path; `@` begins an abstract name.
    Path(String),
}

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if text.contains('/') || text.starts_with('@') {
            return Ok(Self::Path(text.to_owned()));
        }
        text.parse().map(Self::Port).map_err(drop)
    }
}

/// A value that an option does not accept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionError {
    spec: OptionSpec,
    given: String,
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let OptionSpec { variable, value, .. } = self.spec;
        write!(f, "{variable}={} is not understood; give {value}", self.given)
    }
}

impl std::error::Error for OptionError {}

/// The options, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// See [`specs::MODE`].
    pub mode: Mode,
    /// See [`specs::TRANSPORT`].
    pub transport: Transport,
    /// See [`specs::PORT`].
    pub port: Option<Place>,
    /// See [`specs::SOCKET_ACTIVATION`].
    pub socket_activation: Switch,
    /// See [`specs::LOOP`].
    pub r#loop: Loop,
    /// See [`specs::ITERATIONS`]; at least 1.
    pub iterations: u32,
    /// See [`specs::WARM_UP`].
    pub warm_up: Switch,
    /// See [`specs::SETTLE`].
    pub settle: Switch,
    /// See [`specs::CLOCK`].
    pub clock: Clock,
    /// See [`specs::RANDOMNESS`].
    pub randomness: Randomness,
    /// See [`specs::PANICS`].
    pub panics: Panics,
    /// See [`specs::DEAD_ACCEPT`].
    pub dead_accept: DeadAccept,
    /// See [`specs::SYSCALLS`].
    pub syscalls: Syscalls,
    /// See [`specs::LINGER`], in milliseconds.
    pub linger_ms: u32,
    /// See [`specs::SEAT_BELT`].
    pub seat_belt: SeatBelt,
    /// See [`specs::WRITABLE`].
    pub writable: Directories,
    /// See [`specs::NETWORK`].
    pub network: Network,
    /// See [`specs::STATUS`].
    pub status: Option<String>,
}

impl Options {
    /// Reads every option through `lookup`, which is given the name of a variable.
    ///
    /// # Errors
    /// The first value that its option does not accept.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, OptionError> {
        let text = |spec: &OptionSpec| {
            lookup(spec.variable).filter(|s| !s.is_empty()).unwrap_or_else(|| spec.default.to_owned())
        };
        Ok(Self {
            mode: parse(&specs::MODE, text(&specs::MODE))?,
            transport: parse(&specs::TRANSPORT, text(&specs::TRANSPORT))?,
            port: parse_optional(&specs::PORT, text(&specs::PORT))?,
            socket_activation: parse(&specs::SOCKET_ACTIVATION, text(&specs::SOCKET_ACTIVATION))?,
            r#loop: parse(&specs::LOOP, text(&specs::LOOP))?,
            iterations: parse::<std::num::NonZeroU32>(&specs::ITERATIONS, text(&specs::ITERATIONS))?.get(),
            warm_up: parse(&specs::WARM_UP, text(&specs::WARM_UP))?,
            settle: parse(&specs::SETTLE, text(&specs::SETTLE))?,
            clock: parse(&specs::CLOCK, text(&specs::CLOCK))?,
            randomness: parse(&specs::RANDOMNESS, text(&specs::RANDOMNESS))?,
            panics: parse(&specs::PANICS, text(&specs::PANICS))?,
            dead_accept: parse(&specs::DEAD_ACCEPT, text(&specs::DEAD_ACCEPT))?,
            syscalls: parse(&specs::SYSCALLS, text(&specs::SYSCALLS))?,
            linger_ms: parse(&specs::LINGER, text(&specs::LINGER))?,
            seat_belt: parse(&specs::SEAT_BELT, text(&specs::SEAT_BELT))?,
            writable: parse(&specs::WRITABLE, text(&specs::WRITABLE))?,
            network: parse(&specs::NETWORK, text(&specs::NETWORK))?,
            status: parse_optional(&specs::STATUS, text(&specs::STATUS))?,
        })
    }
}

fn parse<T: FromStr>(spec: &OptionSpec, given: String) -> Result<T, OptionError> {
    given.parse().map_err(|_| OptionError { spec: *spec, given })
}

fn parse_optional<T: FromStr>(spec: &OptionSpec, given: String) -> Result<Option<T>, OptionError> {
    if given.is_empty() { Ok(None) } else { parse(spec, given).map(Some) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_parses() {
        let options = Options::from_lookup(|_| None).expect("defaults are valid");
        assert_eq!(options.mode, Mode::Auto);
        assert_eq!(options.transport, Transport::Unix);
        assert_eq!(options.port, None);
        assert_eq!(options.iterations, 10_000);
    }

    #[test]
    fn every_row_is_read() {
        for spec in specs::ALL.iter().filter(|s| s.variable != specs::STATUS.variable) {
            let error = Options::from_lookup(|name| (name == spec.variable).then(|| "nonsense".into()))
                .expect_err(spec.variable);
            assert!(error.to_string().contains(spec.variable), "{error}");
            assert!(error.to_string().contains(spec.value), "{error}");
        }
    }

    #[test]
    fn a_listener_is_named_by_port_path_or_abstract_name() {
        let paths = ["/run/a", "./a", "@a"].map(|path| (path, Place::Path(path.to_owned())));
        for (text, place) in paths.into_iter().chain([("80", Place::Port(80))]) {
            assert_eq!(text.parse(), Ok(place));
        }
        assert_eq!("http".parse::<Place>(), Err(()));
    }

    #[test]
    fn zero_iterations_are_refused() {
        let given = |name: &str| (name == specs::ITERATIONS.variable).then(|| "0".to_owned());
        assert!(Options::from_lookup(given).is_err());
    }
}
