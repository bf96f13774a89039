//! The seat belt: a server that goes wrong must not harm the machine it runs on.
//!
//! It is fastened here, by the server's own process before its `main`, and not by a launcher around
//! afl-fuzz: so afl-fuzz itself stays outside and its output directory out of the server's reach,
//! afl-fuzz still sees the instrumented program that it starts, and who works by hand needs one
//! variable. Everything that the server becomes or starts inherits it; nothing is left to do per
//! iteration. There is no PID namespace, because the forkserver tells afl-fuzz process numbers.
//!
//! Three layers, each of which also works alone: namespaces ([`mounts`], [`network`]; what they
//! take, and what is given up afterwards, is in [`privileges`]), Landlock ([`rules`]), and
//! [`limits`]. What none of them can do on this kernel is a [`Gap`], and said.

mod limits;
mod mounts;
mod network;
mod privileges;
mod rules;

use std::env;
use std::path::{Path, PathBuf};

use rustix::thread::{UnshareFlags, unshare_unsafe};
use sockfuzz_contract::{Gap, Gaps, Network, Options, SeatBelt, specs};

use crate::report;

/// Device nodes that every program expects to write to.
const DEVICES: [&str; 4] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/tty"];

/// Confines this process, as the options ask.
pub(crate) fn fasten(options: &Options) {
    if options.seat_belt == SeatBelt::Off {
        return;
    }
    if let Some(missing) = options.writable.0.iter().find(|path| !path.exists()) {
        let (missing, variable) = (missing.display(), specs::WRITABLE.variable);
        report::fatal(format_args!("{variable}: {missing} does not exist: create it, or leave it away"));
    }
    let gaps = confine(options);
    report::status().set_seat_belt(gaps);
    match options.seat_belt {
        SeatBelt::Require if !gaps.is_empty() => {
            report::fatal(format_args!("the seat belt is required, and here it does not protect {gaps}"))
        }
        _ if !gaps.is_empty() && !report::is_observed() => {
            report::say(format_args!("here, the seat belt does not protect {gaps}"));
        }
        _ => {}
    }
    // SAFETY: the process has one thread: its `main` has not begun.
    // Programs that this one becomes or starts wear the belt already.
    unsafe { env::set_var(specs::SEAT_BELT.variable, SeatBelt::Off.to_string()) };
}

fn confine(options: &Options) -> Gaps {
    let mut gaps = Gaps::default();
    let mut writable = options.writable.0.clone();
    limits::set();

    let privileges = privileges::Privileges::now();
    privileges.enter_user_namespace();
    let mounted = mounts::make_read_only(&writable);
    match &mounted {
        Ok(scratch) => writable.extend(scratch.then(|| PathBuf::from(mounts::SCRATCH))),
        Err(_) => gaps.add(Gap::Attributes),
    }
    if options.network == Network::None && network::leave().is_err() {
        gaps.add(Gap::Network);
    }
    privileges.give_up();

    let status = options.status.as_deref().map(Path::new);
    let held = rules::restrict(&writable, &DEVICES.map(Path::new), status);
    if !held.files {
        gaps.add(Gap::Devices);
        if mounted.is_err() {
            gaps.add(Gap::Files);
        }
    }
    if !held.signals {
        gaps.add(Gap::Processes);
    }
    gaps
}

/// Leaves a namespace for a new one.
fn unshare(namespace: UnshareFlags) -> rustix::io::Result<()> {
    // SAFETY: the namespaces are those of mounts, users and networks: no table of descriptors, no
    // memory is concerned.
    unsafe { unshare_unsafe(namespace) }
}
