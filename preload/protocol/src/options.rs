//! Options, as the preload reads them from its environment.

use std::fmt;
use std::str::FromStr;

use crate::relocation::{RelocationError, Relocations};
use crate::specs::{self, FormerName, OptionSpec};
use crate::values::{
    AnswerFormat, ChildCrashes, Clock, DeadAccept, DirectoryList, Endpoint, Exits, InputFormat, Loop, Mode,
    Network, Panics, Randomness, SandboxMode, Switch, Syscalls, Tls, Transport,
};

/// Value that an option does not accept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionError {
    spec: &'static OptionSpec,
    given: String,
    /// Fault of the value; empty if the list of accepted values says enough.
    fault: String,
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let OptionSpec { variable, value, .. } = *self.spec;
        let fault = if self.fault.is_empty() { String::new() } else { format!(": {}", self.fault) };
        write!(f, "{variable}={} is not understood{fault}; give {value}", self.given)
    }
}

impl std::error::Error for OptionError {}

/// Parsed options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// See [`specs::MODE`].
    pub mode: Mode,
    /// See [`specs::TRANSPORT`].
    pub transport: Transport,
    /// See [`specs::INPUT`].
    pub input: InputFormat,
    /// See [`specs::BATCH`].
    pub batch: Switch,
    /// See [`specs::ANSWERS`].
    pub answers: AnswerFormat,
    /// See [`specs::PORT`].
    pub port: Option<Endpoint>,
    /// See [`specs::SOCKET_ACTIVATION`].
    pub socket_activation: Switch,
    /// See [`specs::TLS`].
    pub tls: Tls,
    /// See [`specs::SNI`].
    pub sni: String,
    /// See [`specs::CLIENT_CERTIFICATE`].
    pub client_certificate: Option<String>,
    /// See [`specs::SPLIT_RECORDS`].
    pub split_records: Switch,
    /// See [`specs::LOOP`].
    pub r#loop: Loop,
    /// See [`specs::ITERATIONS`]; at least 1.
    pub iterations: u32,
    /// See [`specs::MEMORY`], in MiB.
    pub memory_mib: u32,
    /// See [`specs::SPARE`].
    pub spare: Switch,
    /// See [`specs::WARM_UP`].
    pub warm_up: Switch,
    /// See [`specs::RERUN`].
    pub rerun: Switch,
    /// See [`specs::TIME_LIMIT`], in milliseconds.
    pub time_limit_ms: u32,
    /// See [`specs::ADVANCE_CLOCK`].
    pub advance_clock: Switch,
    /// See [`specs::CLOCK`].
    pub clock: Clock,
    /// See [`specs::RANDOMNESS`].
    pub randomness: Randomness,
    /// See [`specs::GATE`].
    pub gate: Switch,
    /// See [`specs::INLINE_COUNTERS`].
    pub inline_counters: Switch,
    /// See [`specs::PANICS`].
    pub panics: Panics,
    /// See [`specs::DEAD_ACCEPT`].
    pub dead_accept: DeadAccept,
    /// See [`specs::EXITS`].
    pub exits: Exits,
    /// See [`specs::CHILDREN`].
    pub children: ChildCrashes,
    /// See [`specs::SYSCALLS`].
    pub syscalls: Syscalls,
    /// See [`specs::LINGER`], in milliseconds.
    pub linger_ms: u32,
    /// See [`specs::SANDBOX`].
    pub sandbox: SandboxMode,
    /// See [`specs::WRITABLE`]; where the directories are, if they are relocated.
    pub writable: DirectoryList,
    /// See [`specs::NETWORK`].
    pub network: Network,
    /// See [`specs::RELOCATE`].
    pub relocate: Relocations,
    /// See [`specs::STATUS`].
    pub status: Option<String>,
    /// See [`specs::ANSWER_RING`].
    pub answer_ring: Option<String>,
    /// See [`specs::CRASHES`].
    pub crashes: Option<String>,
    /// See [`specs::HISTORIES`].
    pub histories: Option<String>,
    /// See [`specs::WRITE_COVERAGE`].
    pub write_coverage: Option<String>,
    /// See [`specs::RECORDING`].
    pub recording: Option<String>,
    /// See [`specs::KEY_LOG`].
    pub key_log: Option<String>,
}

impl Options {
    /// Reads every option through `lookup`, which gets the name of a variable.
    ///
    /// # Errors
    /// Returns the first value that its option does not accept.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, OptionError> {
        let given = |variable| lookup(variable).filter(|value| !value.is_empty());
        let text = |spec: &OptionSpec| {
            let former = || spec.former.and_then(|former| given(former.variable));
            given(spec.variable).or_else(former).unwrap_or_else(|| spec.default.to_owned())
        };
        let relocate = parse_relocations(text(&specs::RELOCATE))?;
        let DirectoryList(writable) = parse(&specs::WRITABLE, text(&specs::WRITABLE))?;
        Ok(Self {
            mode: parse(&specs::MODE, text(&specs::MODE))?,
            transport: parse(&specs::TRANSPORT, text(&specs::TRANSPORT))?,
            input: parse(&specs::INPUT, text(&specs::INPUT))?,
            batch: parse(&specs::BATCH, text(&specs::BATCH))?,
            answers: parse(&specs::ANSWERS, text(&specs::ANSWERS))?,
            port: parse_optional(&specs::PORT, text(&specs::PORT))?,
            socket_activation: parse(&specs::SOCKET_ACTIVATION, text(&specs::SOCKET_ACTIVATION))?,
            tls: parse(&specs::TLS, text(&specs::TLS))?,
            sni: text(&specs::SNI),
            client_certificate: parse_optional(&specs::CLIENT_CERTIFICATE, text(&specs::CLIENT_CERTIFICATE))?,
            split_records: parse(&specs::SPLIT_RECORDS, text(&specs::SPLIT_RECORDS))?,
            r#loop: parse(&specs::LOOP, text(&specs::LOOP))?,
            iterations: parse::<std::num::NonZeroU32>(&specs::ITERATIONS, text(&specs::ITERATIONS))?.get(),
            memory_mib: parse::<std::num::NonZeroU32>(&specs::MEMORY, text(&specs::MEMORY))?.get(),
            spare: parse(&specs::SPARE, text(&specs::SPARE))?,
            warm_up: parse(&specs::WARM_UP, text(&specs::WARM_UP))?,
            rerun: parse(&specs::RERUN, text(&specs::RERUN))?,
            time_limit_ms: parse(&specs::TIME_LIMIT, text(&specs::TIME_LIMIT))?,
            advance_clock: parse(&specs::ADVANCE_CLOCK, text(&specs::ADVANCE_CLOCK))?,
            clock: parse(&specs::CLOCK, text(&specs::CLOCK))?,
            randomness: parse(&specs::RANDOMNESS, text(&specs::RANDOMNESS))?,
            gate: parse(&specs::GATE, text(&specs::GATE))?,
            inline_counters: parse(&specs::INLINE_COUNTERS, text(&specs::INLINE_COUNTERS))?,
            panics: parse(&specs::PANICS, text(&specs::PANICS))?,
            dead_accept: parse(&specs::DEAD_ACCEPT, text(&specs::DEAD_ACCEPT))?,
            exits: parse(&specs::EXITS, text(&specs::EXITS))?,
            children: parse(&specs::CHILDREN, text(&specs::CHILDREN))?,
            syscalls: parse(&specs::SYSCALLS, text(&specs::SYSCALLS))?,
            linger_ms: parse(&specs::LINGER, text(&specs::LINGER))?,
            sandbox: parse(&specs::SANDBOX, text(&specs::SANDBOX))?,
            writable: DirectoryList(writable.into_iter().map(|path| relocate.place_of(path)).collect()),
            network: parse(&specs::NETWORK, text(&specs::NETWORK))?,
            relocate,
            status: parse_optional(&specs::STATUS, text(&specs::STATUS))?,
            answer_ring: parse_optional(&specs::ANSWER_RING, text(&specs::ANSWER_RING))?,
            crashes: parse_optional(&specs::CRASHES, text(&specs::CRASHES))?,
            histories: parse_optional(&specs::HISTORIES, text(&specs::HISTORIES))?,
            write_coverage: parse_optional(&specs::WRITE_COVERAGE, text(&specs::WRITE_COVERAGE))?,
            recording: parse_optional(&specs::RECORDING, text(&specs::RECORDING))?,
            key_log: parse_optional(&specs::KEY_LOG, text(&specs::KEY_LOG))?,
        })
    }
}

/// Returns the options that are set only by their name in the previous release.
pub fn former_names_in_use(
    is_set: impl Fn(&str) -> bool,
) -> impl Iterator<Item = (FormerName, &'static OptionSpec)> {
    specs::ALL.iter().filter_map(move |spec| {
        let former = spec.former.filter(|former| is_set(former.variable) && !is_set(spec.variable))?;
        Some((former, *spec))
    })
}

fn parse<T: FromStr>(spec: &'static OptionSpec, given: String) -> Result<T, OptionError> {
    given.parse().map_err(|_| OptionError { spec, given, fault: String::new() })
}

fn parse_relocations(given: String) -> Result<Relocations, OptionError> {
    let spec = &specs::RELOCATE;
    given.parse().map_err(|fault: RelocationError| OptionError { spec, given, fault: fault.to_string() })
}

fn parse_optional<T: FromStr>(spec: &'static OptionSpec, given: String) -> Result<Option<T>, OptionError> {
    if given.is_empty() { Ok(None) } else { parse(spec, given).map(Some) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_parses() {
        let options = Options::from_lookup(|_| None).expect("defaults are valid");
        assert_eq!(options.mode, Mode::Auto);
        assert_eq!(options.transport, Transport::Auto);
        assert_eq!(options.port, None);
        assert_eq!(options.iterations, 10_000);
    }

    #[test]
    fn every_row_is_read() {
        let texts = [
            specs::SNI,
            specs::CLIENT_CERTIFICATE,
            specs::STATUS,
            specs::ANSWER_RING,
            specs::CRASHES,
            specs::HISTORIES,
            specs::WRITE_COVERAGE,
            specs::RECORDING,
            specs::KEY_LOG,
        ];
        let is_text = |spec: &&&OptionSpec| texts.contains(spec);
        for spec in specs::ALL.iter().filter(|spec| !is_text(spec)) {
            let error = Options::from_lookup(|name| (name == spec.variable).then(|| "nonsense".into()))
                .expect_err(spec.variable);
            assert!(error.to_string().contains(spec.variable), "{error}");
            assert!(error.to_string().contains(spec.value), "{error}");
        }
    }

    #[test]
    fn former_names_work_and_are_reported_unless_the_new_one_is_set() {
        let former = |name: &str| (name == "SOCKFUZZ_SETTLE").then(|| "off".to_owned());
        let options = Options::from_lookup(former).expect("a valid value");
        assert_eq!(options.rerun, Switch::Off);
        let reported = |set: &[&str]| former_names_in_use(|name| set.contains(&name)).count();
        assert_eq!(reported(&["SOCKFUZZ_SETTLE", "SOCKFUZZ_REST"]), 2);
        assert_eq!(reported(&["SOCKFUZZ_SETTLE", "SOCKFUZZ_RERUN"]), 0);
    }

    #[test]
    fn a_listener_is_named_by_port_path_or_abstract_name() {
        let paths = ["/run/a", "./a", "@a"].map(|path| (path, Endpoint::Path(path.to_owned())));
        for (text, place) in paths.into_iter().chain([("80", Endpoint::Port(80))]) {
            assert_eq!(text.parse(), Ok(place));
        }
        assert_eq!("http".parse::<Endpoint>(), Err(()));
    }

    #[test]
    fn writable_directories_are_those_at_the_new_place() {
        let given = |name: &str| match name {
            "SOCKFUZZ_RELOCATE" => Some("/opt/server=/b/server".to_owned()),
            "SOCKFUZZ_WRITABLE" => Some("/opt/server/log:/b/server/run:/tmp".to_owned()),
            _ => None,
        };
        let options = Options::from_lookup(given).expect("valid");
        let places = ["/b/server/log", "/b/server/run", "/tmp"].map(std::path::PathBuf::from);
        assert_eq!(options.writable.0, places);
    }

    #[test]
    fn faults_of_relocations_are_named() {
        let given = |name: &str| (name == "SOCKFUZZ_RELOCATE").then(|| "/a=b".to_owned());
        let error = Options::from_lookup(given).expect_err("b is relative").to_string();
        assert!(error.contains("\"b\" is not an absolute path") && error.contains("/OLD=/NEW"), "{error}");
    }

    #[test]
    fn zero_iterations_are_refused() {
        let given = |name: &str| (name == specs::ITERATIONS.variable).then(|| "0".to_owned());
        assert!(Options::from_lookup(given).is_err());
    }
}
