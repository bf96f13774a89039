//! The sandbox: a server that goes wrong must not harm the machine it runs on.
//!
//! It is set up here, by the server's own process before its `main`, and not by a launcher around
//! afl-fuzz: so afl-fuzz itself stays outside and its output directory out of the server's reach,
//! afl-fuzz still sees the instrumented program that it starts, and who works by hand needs one
//! variable. Everything that the server becomes or starts inherits it; nothing is left to do per
//! iteration. There is no PID namespace, because the forkserver tells afl-fuzz process numbers.
//!
//! Layers, each of which also works alone: namespaces ([`mounts`] and [`local_sockets`], [`network`], that of System V
//! objects; what they take, and what is given up afterwards, is in [`privileges`]), Landlock ([`rules`]), a seccomp
//! filter ([`refused_calls`]), and [`limits`]. What none of them can do on this kernel is a [`SandboxGap`], and said.

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

/// Device nodes that programs expect to write to. (To the random ones, for whether an address can be read: AFL++'s
/// cmplog does so all the time, and where it may not, it waits for a pipe that nobody reads.)
const DEVICES: [&str; 6] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/tty", "/dev/random", "/dev/urandom"];

/// Confines this process, as the options ask.
pub(crate) fn enter(options: &Options) {
    if options.sandbox == SandboxMode::Off {
        return;
    }
    if let Some(missing) = options.writable.0.iter().find(|path| !path.exists()) {
        let (missing, variable) = (missing.display(), specs::WRITABLE.variable);
        report::fatal(format_args!("{variable}: {missing} does not exist: create it, or leave it away"));
    }
    let gaps = confine(options);
    report::status().set_sandbox_gaps(gaps);
    match options.sandbox {
        SandboxMode::Require if !gaps.is_empty() => {
            report::fatal(format_args!("the sandbox is required, and here it does not protect {gaps}"))
        }
        _ if !gaps.is_empty() && !report::is_observed() => {
            report::emit(format_args!("here, the sandbox does not protect {gaps}"));
        }
        _ => {}
    }
    // SAFETY: the process has one thread: its `main` has not begun.
    // Programs that this one becomes or starts are in the sandbox already.
    unsafe { env::set_var(specs::SANDBOX.variable, SandboxMode::Off.to_string()) };
}

/// Whether this process has entered the sandbox.
pub(crate) fn is_on() -> bool {
    config::get().is_some_and(|config| config.options.sandbox != SandboxMode::Off)
}

/// Limits the memory that an input can make this process ask for. To be called before its first iteration.
pub(crate) fn limit_memory(options: &Options) {
    if is_on() {
        limits::set_memory(options.memory_mib);
    }
}

/// In a child of the forkserver: keeps it from signalling the forkserver and its siblings.
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

/// Leaves a namespace for a new one.
fn unshare(namespace: UnshareFlags) -> rustix::io::Result<()> {
    // SAFETY: the namespaces are those of mounts, users and networks: no table of descriptors, no
    // memory is concerned.
    unsafe { unshare_unsafe(namespace) }
}
