//! Socket activation, as in systemd(1): the server starts with a listener at descriptor 3, which its
//! environment announces (sd_listen_fds(3)).

use std::env;
use std::os::fd::{AsRawFd, RawFd};

use rustix::io::Errno;
use sockfuzz_protocol::{Endpoint, Options, Switch};

use crate::net::address::Address;
use crate::net::{listener, transport};
use crate::sys::fd_table::{self, FdKind};
use crate::sys::{report, stdio};

/// Descriptor of the first listener (sd_listen_fds(3): SD_LISTEN_FDS_START).
const FIRST_LISTENER_FD: RawFd = 3;

/// Gives the server a listener, if the option is set. Below another preloaded process, such as a wrapper
/// script, the inherited one is passed on.
pub(crate) fn provide(options: &Options, below_another: bool) {
    if options.socket_activation == Switch::Off {
        return;
    }
    if !below_another && let Err(error) = make(options) {
        report::fatal(format_args!("no listener could be made for socket activation: {error}"));
    }
    if fd_table::kind(FIRST_LISTENER_FD) == FdKind::Inherited {
        // SAFETY: no other thread accesses the environment: the process has one thread, before its `main`.
        unsafe {
            env::set_var("LISTEN_FDS", "1");
            env::set_var("LISTEN_PID", std::process::id().to_string());
            env::remove_var("LISTEN_FDNAMES");
        }
    }
}

fn make(options: &Options) -> Result<(), Errno> {
    let shown = match &options.port {
        Some(Endpoint::Path(path)) => Address::from_name(path).ok_or(Errno::NAMETOOLONG)?,
        Some(Endpoint::Port(port)) => Address::on_loopback(*port),
        None => Address::on_loopback(listener::ANY_FREE_PORT),
    };
    let made = transport::make_listener(&shown)?;
    stdio::duplicate_onto(&made, FIRST_LISTENER_FD);
    if made.as_raw_fd() == FIRST_LISTENER_FD {
        std::mem::forget(made);
    }
    listener::adopt(FIRST_LISTENER_FD);
    Ok(())
}
