//! Start-up, before the server's constructors and `main`: decides whether and how the preload acts.

use std::env;
use std::ffi::OsString;
use std::os::fd::BorrowedFd;
use std::path::Path;

use rustix::process::{Resource, getrlimit};
use sockfuzz_protocol::{Mode, Options, Phase, Randomness, Transport, former_names_in_use, specs};

use crate::afl::forkserver::FORKSERVER_PIPES;
use crate::afl::shm_segments;
use crate::determinism::{hash_keys, randomness};
use crate::hooks::exit;
#[cfg(target_arch = "x86_64")]
use crate::hooks::syscall_trap;
use crate::net::{activation, listener};
use crate::process::{driver_process, identity};
use crate::sys::config::{self, Config, RunMode};
use crate::sys::{answer_ring, fd_table, internal_error, proc, real, relocation, report, seccomp, stdio};
use crate::{afl, driver, history, memory_socket, recording, sandbox, source_coverage, transport_trial};

/// Maximum number of file descriptors that the preload keeps from the server.
const PROTECTED_FDS: u32 = 56;

/// Name parts of programs that translate addresses to symbols (AddressSanitizer.html of clang, "Symbolizing the
/// Reports").
const SYMBOLIZERS: [&[u8]; 2] = [b"llvm-symbolizer", b"addr2line"];

/// Entry point of the library.
#[cfg_attr(test, expect(dead_code, reason = "tests are not servers"))]
pub(crate) fn run() {
    real::resolve();
    if env::current_exe().is_ok_and(|program| is_symbolizer(&program)) {
        return;
    }
    std::panic::set_hook(Box::new(internal_error::report));
    if identity::has_replaced_itself() {
        end_replaced_iteration();
    }
    let options = Options::from_lookup(|name| env::var(name).ok())
        .unwrap_or_else(|error| report::fatal(format_args!("{error}")));
    let saved_fds = env::var_os(stdio::SAVED_FDS_VARIABLE);
    let is_below_another = saved_fds.is_some();
    proc::open_fds().into_iter().for_each(listener::adopt);
    let Some(run_mode) = decide(options.mode, is_started_by_afl(), is_below_another) else {
        if options.mode == Mode::Record {
            recording::begin(options.recording.as_deref());
        }
        // Such a program uses the files of the server.
        relocation::begin(options.relocate, is_below_another);
        return;
    };

    require_open_files();
    take_stdio(run_mode, saved_fds);
    if !is_below_another {
        emit_former_names();
    }
    if run_mode == RunMode::Loop {
        FORKSERVER_PIPES.into_iter().for_each(fd_table::protect);
    }
    if run_mode == RunMode::Loop && options.randomness == Randomness::Fixed {
        randomness::fix();
        hash_keys::find();
    }
    if let Some(file) = &options.status {
        report::share_status(file);
    }
    options.answer_ring.iter().for_each(|file| answer_ring::share(file));
    report::status().reach(Phase::Loaded);
    // A tool of AFL++ may run the server once, too, as afl-showmap does with its stdin.
    shm_segments::attach();
    if run_mode == RunMode::Loop && !is_below_another {
        options.histories.iter().for_each(|directory| history::keep_in(directory));
    }
    if run_mode == RunMode::Once {
        options.crashes.iter().for_each(|file| history::crash_stack::prepare(file));
        options.key_log.iter().for_each(|file| driver::key_log::prepare(file));
        options.write_coverage.iter().for_each(|directory| source_coverage::prepare(directory));
    }
    sandbox::enter(&options);
    activation::provide(&options, is_below_another);
    // Must precede all forks of the server, because its processes compete for the driver's role.
    driver_process::share();
    afl::prepare(run_mode, options.inline_counters);
    let needs_answers = afl::uses_response_feedback();
    if options.transport == Transport::Memory
        || (run_mode == RunMode::Loop && transport_trial::is_wanted(&options) && !needs_answers)
    {
        memory_socket::prepare(needs_answers);
    }
    driver::install();
    exit::watch();
    // From here on, the server's paths are translated; those above are the preload's own.
    relocation::begin(options.relocate.clone(), is_below_another);
    config::set(Config { run_mode, options });
    #[cfg(target_arch = "x86_64")]
    syscall_trap::prepare();
    seccomp::record();
}

/// Ends the iteration as an exit does: the connection and the loop are lost with the replaced program.
fn end_replaced_iteration() -> ! {
    report::emit(format_args!(
        "the server has replaced itself with another program (execve) in the middle of an iteration: that counts as an \
         exit"
    ));
    report::exit(0)
}

/// Ends the process if the limit on open files excludes the high numbers of the preload's descriptors.
fn require_open_files() {
    let required = fd_table::FIRST_PROTECTED_FD.unsigned_abs() + PROTECTED_FDS;
    if let Some(most) = getrlimit(Resource::Nofile).current.filter(|most| *most < required.into()) {
        report::fatal(format_args!(
            "{most} files may be open at a time (ulimit -n), and sockfuzz needs {required}: allow more, for example \
             with: ulimit -n 1024"
        ));
    }
}

/// Whether a sanitizer's runtime has started this program to translate addresses. The program inherits the server's
/// environment, so the preload would take it for the server.
fn is_symbolizer(program: &Path) -> bool {
    let name = program.file_name().unwrap_or_default().as_encoded_bytes();
    SYMBOLIZERS.iter().any(|symbolizer| memchr::memmem::find(name, symbolizer).is_some())
}

/// Returns the run mode, or `None` if the server runs as without the preload: when that is off or only records, and in a
/// program that a looping server has started, because the loop belongs to the server.
fn decide(mode: Mode, by_afl: bool, below_another: bool) -> Option<RunMode> {
    match (mode, by_afl) {
        (Mode::Record | Mode::Off, _) => None,
        (Mode::Once, _) | (Mode::Auto, false) => Some(RunMode::Once),
        (Mode::Auto | Mode::Loop, true) => Some(RunMode::Loop),
        (Mode::Loop, false) if below_another => None,
        (Mode::Loop, false) => report::fatal(format_args!(
            "{}=loop needs an AFL++ tool above the server: start it with `cargo afl fuzz` or `sockfuzz fuzz`",
            specs::MODE.variable
        )),
    }
}

/// Prints the new name of each variable that is set under its former name.
fn emit_former_names() {
    for (former, spec) in former_names_in_use(|name| env::var_os(name).is_some()) {
        report::emit(format_args!(
            "{} is now {}; the next release removes the former name",
            former.variable, spec.variable
        ));
    }
}

fn is_started_by_afl() -> bool {
    env::var_os("__AFL_SHM_ID").is_some()
        && FORKSERVER_PIPES.iter().all(|&fd| {
            // SAFETY: the number is not -1. If it is not open, fcntl(2) only returns EBADF.
            rustix::io::fcntl_getfd(unsafe { BorrowedFd::borrow_raw(fd) }).is_ok()
        })
}

fn take_stdio(run_mode: RunMode, saved_fds: Option<OsString>) {
    if let Some(saved) = saved_fds {
        stdio::adopt(&saved.to_string_lossy());
        return;
    }
    stdio::save();
    if run_mode == RunMode::Once {
        stdio::hide_from_server();
    }
    // SAFETY: no other thread uses the environment: before `main`, the process has one thread.
    unsafe {
        env::set_var(stdio::SAVED_FDS_VARIABLE, stdio::encode());
        env::set_var(specs::MODE.variable, if run_mode == RunMode::Once { "once" } else { "loop" });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_follows_the_tool_that_started_the_server() {
        assert_eq!(decide(Mode::Auto, true, false), Some(RunMode::Loop));
        assert_eq!(decide(Mode::Auto, false, false), Some(RunMode::Once));
    }

    #[test]
    fn symbolizers_are_recognised_by_name() {
        let is_symbolizer = |path| is_symbolizer(Path::new(path));
        assert!(
            is_symbolizer("/usr/lib/llvm-14/bin/llvm-symbolizer")
                && is_symbolizer("/usr/bin/llvm-symbolizer-19")
        );
        assert!(is_symbolizer("/usr/bin/x86_64-linux-gnu-addr2line"));
        assert!(!is_symbolizer("/usr/sbin/nginx"));
    }

    #[test]
    fn a_program_below_a_looping_server_is_left_alone() {
        assert_eq!(decide(Mode::Off, true, false), None);
        assert_eq!(decide(Mode::Record, true, false), None);
        assert_eq!(decide(Mode::Loop, false, true), None);
    }

    #[test]
    fn a_server_below_a_wrapper_script_is_run() {
        assert_eq!(decide(Mode::Once, false, true), Some(RunMode::Once));
        assert_eq!(decide(Mode::Loop, true, true), Some(RunMode::Loop));
    }
}
