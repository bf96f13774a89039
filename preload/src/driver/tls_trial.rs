//! Trial of TLS: before the first input, a connection that only shakes hands. It tells whether the server speaks TLS, and
//! which version, and gives the session that all later connections resume.

use std::sync::{Arc, OnceLock};

use sockfuzz_protocol::session::Connection;
use sockfuzz_protocol::{Options, Tls, TlsFound};
use sockfuzz_tls::{Connector, Identity, Reply, Settings, Versions};

use super::connection::TlsOutcome;
use super::input_source::InputSource;
use super::key_log::KeyLogFile;
use super::{Driver, SessionStage};
use crate::blocking::IdleStep;
use crate::process::children;
use crate::sys::{config, objects, own_work, report, threads};

/// Part of the labels from which every version of TLS derives its keys (RFC 5246, section 8.1; RFC 8446, section 7.1), so
/// every implementation contains one of them.
const LABELS: [&[u8]; 2] = [b"master secret", b"tls13 "];

/// TLS in this process.
#[derive(Debug)]
pub(super) enum TlsMode {
    /// The server has not been asked.
    Undecided,
    /// It is being asked. The first input waits.
    Trial { connector: Box<Connector>, waiting: Box<InputSource>, outcome: Option<TlsOutcome> },
    /// Connections are plain.
    Off,
    /// The client speaks TLS, with raw inputs only in the warm-up.
    On(Box<Connector>),
}

impl TlsMode {
    /// Returns the source of connections with TLS, if the server speaks it or is being asked.
    pub(super) fn connector(&self) -> Option<&Connector> {
        match self {
            Self::Trial { connector, .. } | Self::On(connector) => Some(connector),
            Self::Undecided | Self::Off => None,
        }
    }
}

impl Driver {
    /// Begins a trial if one is needed and was not made. Returns the step with which it begins; `None` if the next input is due.
    pub(super) fn begin_tls_trial(&mut self) -> Option<IdleStep> {
        if !matches!(self.tls, TlsMode::Undecided) {
            return None;
        }
        let options = &config::get()?.options;
        if options.tls == Tls::Off || (options.tls == Tls::Auto && !may_speak_tls()) {
            self.tls = TlsMode::Off;
            report::status().set_tls(TlsFound::Plain);
            return None;
        }
        let waiting = self.input_source.take().map(Box::new)?;
        let connector = Box::new(connector(options));
        self.tls = TlsMode::Trial { connector, waiting, outcome: None };
        Some(self.connect_for_trial())
    }

    /// Makes the connection of a trial.
    pub(super) fn connect_for_trial(&mut self) -> IdleStep {
        children::begin_iteration();
        threads::begin_iteration();
        self.late_since = None;
        if !self.connect(Connection::ALL[0]) {
            // It does not listen yet.
            return IdleStep::WaitForTimer;
        }
        self.enter(SessionStage::Playing);
        self.send_available();
        IdleStep::Progress
    }

    /// In a trial, notes the outcome of the handshake before the connection is closed.
    pub(super) fn note_tls_outcome(&mut self) {
        let connection = self.connections[Connection::ALL[0].index()].as_ref();
        if let (TlsMode::Trial { outcome, .. }, Some(connection)) = (&mut self.tls, connection) {
            *outcome = Some(connection.outcome());
        }
    }

    /// Whether the session that ends is a trial.
    pub(super) fn is_tls_trial(&self) -> bool {
        matches!(self.tls, TlsMode::Trial { .. })
    }

    /// Concludes the trial: tries the next version, or goes on with the first input.
    pub(super) fn conclude_tls_trial(&mut self) -> IdleStep {
        let TlsMode::Trial { mut connector, waiting, outcome } =
            std::mem::replace(&mut self.tls, TlsMode::Undecided)
        else {
            return IdleStep::Progress;
        };
        let wanted = config::get().map_or(Tls::Auto, |config| config.options.tls);
        let found = match outcome.unwrap_or(TlsOutcome::NotSpoken(Reply::Unknown)) {
            TlsOutcome::Done if connector.versions() == Versions::Tls13 => TlsFound::Tls13,
            TlsOutcome::Done => TlsFound::Tls12 { resumes: connector.has_session() },
            TlsOutcome::Failed(_) if connector.versions() == Versions::Tls12 => {
                connector.offer(Versions::Tls13);
                self.tls = TlsMode::Trial { connector, waiting, outcome: None };
                return self.connect_for_trial();
            }
            // The warm-up is plain then; inputs may do better.
            TlsOutcome::Failed(_) if wanted == Tls::Raw => TlsFound::Plain,
            TlsOutcome::Failed(why) => report::fatal(format_args!(
                "the server speaks TLS, but the handshake fails ({}): if it asks for a certificate, give one with \
                 --client-certificate FILE; --sni NAME asks for another name; --tls raw sends inputs below TLS; --tls off \
                 sends them as they are",
                why.as_deref().unwrap_or("it does not end"),
            )),
            TlsOutcome::NotSpoken(reply) if wanted != Tls::Auto => report::fatal(format_args!(
                "the server does not speak TLS on this port: it answered a ClientHello {}; choose another one with --port, or \
                 leave out --tls",
                match reply {
                    Reply::Unknown => "with nothing",
                    Reply::Tls | Reply::Plain => "with something else",
                }
            )),
            TlsOutcome::NotSpoken(_) => TlsFound::Plain,
        };
        report::status().set_tls(found);
        connector.freeze_sessions();
        self.tls = if found.is_tls() { TlsMode::On(connector) } else { TlsMode::Off };
        self.input_source = Some(*waiting);
        self.enter(SessionStage::Between);
        self.begin()
    }

    /// Whether the connections of the session that is played have TLS.
    pub(super) fn has_tls(&self) -> bool {
        self.tls.connector().is_some() && !self.is_raw()
    }

    /// Whether the input that is played is sent below TLS.
    fn is_raw(&self) -> bool {
        config::get().is_some_and(|config| config.options.tls == Tls::Raw)
            && self.input_source.as_ref().is_some_and(InputSource::is_users)
    }
}

fn connector(options: &Options) -> Connector {
    let mut settings = Settings::new(&options.sni);
    if let Some(file) = &options.client_certificate {
        let text = std::fs::read(file);
        let text = text.unwrap_or_else(|error| {
            report::fatal(format_args!("the client's certificate cannot be read from {file}: {error}"))
        });
        settings.identity = Some(Identity::from_pem(&text).unwrap_or_else(|error| {
            report::fatal(format_args!("{file} is no certificate for the client: {error}"))
        }));
    }
    settings.key_log = KeyLogFile::prepared().map(|log| Arc::new(log) as _);
    own_work::run(|| Connector::new(&settings))
        .unwrap_or_else(|error| report::fatal(format_args!("--sni: {error}")))
}

/// Whether the server contains an implementation of TLS, once that is known.
static MAY_SPEAK_TLS: OnceLock<bool> = OnceLock::new();

/// Looks for TLS in the server, if that decides anything. To be called before the forkserver forks, so that its children do
/// not look.
pub(super) fn prepare() {
    if config::get().is_some_and(|config| config.options.tls == Tls::Auto) {
        may_speak_tls();
    }
}

/// Whether the server's executable or a library of it contains an implementation of TLS. Others are not asked: a connection
/// more than the user's own would only disturb.
fn may_speak_tls() -> bool {
    let contains_tls = |bytes: &[u8]| LABELS.iter().any(|label| memchr::memmem::find(bytes, label).is_some());
    *MAY_SPEAK_TLS.get_or_init(|| objects::of_server().any(|object| object.constants().any(contains_tls)))
}
