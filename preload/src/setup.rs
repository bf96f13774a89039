//! What is decided before the server's `main`: whether the preload acts at all, and how.

use std::env;
use std::ffi::OsString;
use std::os::fd::BorrowedFd;
use std::sync::OnceLock;

use sockfuzz_protocol::{InputFormat, Mode, Options, Panics, Phase, Randomness, specs};

#[cfg(target_arch = "x86_64")]
use crate::trap;
use crate::{
    activation, afl, background, descriptors, idle, listener, memory, randomness, report, sandbox, stdio,
};

/// Descriptors of AFL++'s control and status pipes (AFL++ config.h: FORKSRV_FD and the next).
pub(crate) const FORKSERVER_PIPES: [i32; 2] = [198, 199];

/// How often the server is fed: [`Mode`], decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// One connection, stdin to stdout.
    Once,
    /// AFL++'s persistent loop.
    Loop,
}

/// The decisions.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) pace: Pace,
    pub(crate) options: Options,
}

static SETUP: OnceLock<Setup> = OnceLock::new();

/// The decisions; `None` in a process that the preload leaves alone.
pub(crate) fn get() -> Option<&'static Setup> {
    SETUP.get()
}

/// Whether inputs are sessions.
pub(crate) fn plays_sessions() -> bool {
    get().is_some_and(|setup| setup.options.input == InputFormat::Session)
}

/// Whether a Rust panic is to end the server.
pub(crate) fn panics_are_crashes() -> bool {
    get().is_some_and(|setup| match setup.options.panics {
        Panics::Crash => true,
        Panics::Pass => false,
        Panics::Auto => setup.pace == Pace::Loop,
    })
}

/// The library's entry.
#[cfg_attr(test, expect(dead_code, reason = "tests are not servers"))]
pub(crate) fn enter() {
    std::panic::set_hook(Box::new(|bug| {
        // Never unwind into the server's frames.
        report::say(format_args!("a bug in sockfuzz, please report it: {bug}"));
        std::process::abort();
    }));
    let options = Options::from_lookup(|name| env::var(name).ok())
        .unwrap_or_else(|error| report::fatal(format_args!("{error}")));
    let below_another = env::var_os(stdio::TAKEN_VARIABLE);
    let is_below_another = below_another.is_some();
    descriptors::open().into_iter().for_each(listener::recognise);
    let Some(pace) = decide(options.mode, started_by_afl(), is_below_another) else { return };

    take_stdio(pace, below_another);
    if pace == Pace::Loop {
        FORKSERVER_PIPES.into_iter().for_each(descriptors::keep);
    }
    if pace == Pace::Loop && options.randomness == Randomness::Fixed {
        randomness::fix();
    }
    if let Some(file) = &options.status {
        report::share_status(file);
    }
    report::status().reach(Phase::Loaded);
    sandbox::enter(&options);
    activation::provide(&options, is_below_another);
    // Before the server forks the processes that will compete.
    idle::share_ownership();
    afl::prepare(pace);
    memory::prepare(options.transport);
    background::watch_exit();
    let _ = SETUP.set(Setup { pace, options });
    #[cfg(target_arch = "x86_64")]
    trap::prepare();
}

/// `None`: leave this process alone. That is a program which a looping server has started: the
/// loop belongs to the server.
fn decide(mode: Mode, by_afl: bool, below_another: bool) -> Option<Pace> {
    match (mode, by_afl) {
        (Mode::Once, _) | (Mode::Auto, false) => Some(Pace::Once),
        (Mode::Auto | Mode::Loop, true) => Some(Pace::Loop),
        (Mode::Loop, false) if below_another => None,
        (Mode::Loop, false) => report::fatal(format_args!(
            "{}=loop needs an AFL++ tool above the server: start it with `cargo afl fuzz` or `sockfuzz fuzz`",
            specs::MODE.variable
        )),
    }
}

fn started_by_afl() -> bool {
    env::var_os("__AFL_SHM_ID").is_some()
        && FORKSERVER_PIPES.iter().all(|&fd| {
            // SAFETY: the number is only asked for its flags.
            rustix::io::fcntl_getfd(unsafe { BorrowedFd::borrow_raw(fd) }).is_ok()
        })
}

fn take_stdio(pace: Pace, below_another: Option<OsString>) {
    if let Some(taken) = below_another {
        stdio::adopt(&taken.to_string_lossy());
        return;
    }
    stdio::keep();
    if pace == Pace::Once {
        stdio::hide_from_server();
    }
    // SAFETY: the process has one thread: its `main` has not begun.
    unsafe {
        env::set_var(stdio::TAKEN_VARIABLE, stdio::to_text());
        env::set_var(specs::MODE.variable, if pace == Pace::Once { "once" } else { "loop" });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_follows_the_tool_that_started_the_server() {
        assert_eq!(decide(Mode::Auto, true, false), Some(Pace::Loop));
        assert_eq!(decide(Mode::Auto, false, false), Some(Pace::Once));
    }

    #[test]
    fn a_program_below_a_looping_server_is_left_alone() {
        assert_eq!(decide(Mode::Loop, false, true), None);
    }

    #[test]
    fn a_server_below_a_wrapper_script_is_not() {
        assert_eq!(decide(Mode::Once, false, true), Some(Pace::Once));
        assert_eq!(decide(Mode::Loop, true, true), Some(Pace::Loop));
    }
}
