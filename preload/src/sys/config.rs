//! Configuration: options and run mode, which [`crate::init`] fixes before the server's `main`.

use std::sync::OnceLock;

use sockfuzz_protocol::{ChildCrashes, InputFormat, Options, Panics};

/// Run mode of the server, decided from [`sockfuzz_protocol::Mode`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunMode {
    /// One session, stdin to stdout.
    Once,
    /// AFL++'s persistent loop.
    Loop,
}

/// Options and run mode of this process.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) run_mode: RunMode,
    pub(crate) options: Options,
}

static CONFIG: OnceLock<Config> = OnceLock::new();

/// Fixes the configuration; a later call has no effect.
pub(crate) fn set(config: Config) {
    let _ = CONFIG.set(config);
}

/// Returns the configuration; `None` in a process in which the preload does nothing.
pub(crate) fn get() -> Option<&'static Config> {
    CONFIG.get()
}

/// Whether this process runs under an AFL++ tool.
pub(crate) fn is_loop() -> bool {
    get().is_some_and(|config| config.run_mode == RunMode::Loop)
}

/// Whether this process serves a single session.
pub(crate) fn is_single_run() -> bool {
    get().is_some_and(|config| config.run_mode == RunMode::Once)
}

/// Whether inputs are sessions.
pub(crate) fn inputs_are_sessions() -> bool {
    get().is_some_and(|config| config.options.input == InputFormat::Session)
}

/// Whether a crash of a child process ends the server.
pub(crate) fn child_crashes_count() -> bool {
    get().is_some_and(|config| match config.options.children {
        ChildCrashes::Crash => true,
        ChildCrashes::Pass => false,
        ChildCrashes::Auto => config.run_mode == RunMode::Loop,
    })
}

/// Whether a Rust panic ends the server.
pub(crate) fn panics_are_crashes() -> bool {
    get().is_some_and(|config| match config.options.panics {
        Panics::Crash => true,
        Panics::Pass => false,
        Panics::Auto => config.run_mode == RunMode::Loop,
    })
}
