//! Sandbox, which keeps a faulty server from harming the machine that it runs on.
//!
//! The server's own process sets it up before `main`, not a launcher around afl-fuzz. So afl-fuzz stays outside, and
//! its output directory out of the server's reach; afl-fuzz still sees the instrumented program that it starts; and
//! a run by hand needs one variable. Child processes and executed programs inherit the sandbox, so it costs nothing
//! per iteration. There is no PID namespace, because the forkserver reports process ids to afl-fuzz.
//!
//! Each layer also works alone: namespaces ([`mounts`] and [`local_sockets`], [`network`], one for System V objects;
//! [`privileges`] holds what they require and what the server gives up afterwards), Landlock ([`rules`]), a seccomp
//! filter ([`refused_calls`]), and [`limits`]. Protection that this kernel cannot provide is reported as a
//! [`SandboxGap`].

mod limits;
mod local_sockets;
mod mounts;
mod network;
mod privileges;
mod refused_calls;
mod rules;

use std::env;
use std::path::Path;

use rustix::thread::{UnshareFlags, unshare_unsafe};
use sockfuzz_protocol::{Network, Options, SandboxGap, SandboxGaps, SandboxMode, specs};

use crate::sys::{config, report};

/// Device nodes that programs expect to write to. AFL++'s cmplog writes to /dev/urandom to test whether an address can
/// be read. Without that permission it writes to a pipe that nobody reads, and blocks once the pipe is full.
const DEVICES: [&str; 6] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/tty", "/dev/random", "/dev/urandom"];

/// Confines this process as the options require.
pub(crate) fn enter(options: &Options) {
    if options.sandbox == SandboxMode::Off {
        return;
    }
    if let Some(missing) = options.writable.0.iter().find(|path| !path.exists()) {
        let (missing, variable) = (missing.display(), specs::WRITABLE.variable);
        report::fatal(format_args!(
            "{variable}: {missing} does not exist: create it, or remove it from the list"
        ));
    }
    let gaps = confine(options);
    report::status().set_sandbox_gaps(gaps);
    match options.sandbox {
        SandboxMode::Require if !gaps.is_empty() => report::fatal(format_args!(
            "the sandbox is required, but on this machine it does not protect {gaps}"
        )),
        _ if !gaps.is_empty() && !report::is_observed() => {
            report::emit(format_args!("on this machine, the sandbox does not protect {gaps}"));
        }
        _ => {}
    }
    // Programs that this process executes or starts are in the sandbox already.
    // SAFETY: no other thread uses the environment: before `main`, the process has one thread.
    unsafe { env::set_var(specs::SANDBOX.variable, SandboxMode::Off.to_string()) };
}

/// Whether this process has entered the sandbox.
pub(crate) fn is_on() -> bool {
    config::get().is_some_and(|config| config.options.sandbox != SandboxMode::Off)
}

/// Limits the memory that an input can make this process allocate. Must be called before the first iteration.
pub(crate) fn limit_memory(options: &Options) {
    if is_on() {
        limits::set_memory(options.memory_mib);
    }
}

/// Keeps this process, a child of the forkserver, from sending signals to the forkserver and to its siblings.
pub(crate) fn isolate_child() {
    if is_on() {
        rules::isolate_from_siblings();
    }
}

fn confine(options: &Options) -> SandboxGaps {
    let mut gaps = SandboxGaps::default();
    let mut writable = options.writable.0.clone();
    limits::set();

    let privileges = privileges::Privileges::now();
    if privileges.enter_user_namespace() {
        limits::set_tasks();
    }
    let sockets = if options.network == Network::None { local_sockets::paths() } else { Vec::new() };
    let mounted = mounts::make_read_only(&writable);
    match &mounted {
        Ok(temporary) => {
            local_sockets::hide(&sockets, &writable);
            writable.extend_from_slice(temporary);
        }
        Err(_) => {
            gaps.add(SandboxGap::Attributes);
            if !sockets.is_empty() {
                gaps.add(SandboxGap::LocalSockets);
            }
        }
    }
    if unshare(UnshareFlags::NEWIPC).is_err() {
        gaps.add(SandboxGap::SharedMemory);
    }
    if options.network == Network::None && network::leave().is_err() {
        gaps.add(SandboxGap::Network);
    }
    privileges.drop_unneeded();

    let held = rules::restrict(&writable, &DEVICES.map(Path::new));
    if !held.files {
        gaps.add(SandboxGap::Devices);
        if mounted.is_err() {
            gaps.add(SandboxGap::Files);
        }
    }
    if !held.signals {
        gaps.add(SandboxGap::Processes);
    }
    if !refused_calls::install(options.network) {
        gaps.add(SandboxGap::Scheduling);
    }
    gaps
}

/// Moves this process into a new namespace.
fn unshare(namespace: UnshareFlags) -> rustix::io::Result<()> {
    // SAFETY: all flags name namespaces (mount, user, network, IPC). They concern neither the table of file
    // descriptors nor memory.
    unsafe { unshare_unsafe(namespace) }
}
