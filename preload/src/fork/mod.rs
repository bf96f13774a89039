//! Forks: everything that happens before and after one, in the parent and in the child.
//!
//! There are two kinds. The forkserver forks children that each go on as *the* server ([`as_forkserver`]); the
//! server itself forks workers, helpers and daemons ([`before_servers_fork`], [`in_servers_parent`],
//! [`in_servers_child`]).

mod interruptions;
pub(crate) mod isolation;

use rustix::io::{self, Errno};
use rustix::process::setpgid;
use sockfuzz_protocol::Counter;

use crate::afl::coverage::gate;
use crate::afl::forkserver;
use crate::blocking::{driver_guard, notifier};
use crate::determinism::{clock, hash_keys};
use crate::memory_socket;
use crate::net::accept_gate;
use crate::process::{children, daemon, driver_process, identity, process_table};
use crate::sandbox;
use crate::sys::{config, planned_end, report, threads};
use interruptions::Interruptions;

/// Turns this process into the forkserver while `fork_children` runs, which returns in every child only. Returns
/// whether the child shares nothing by which a sibling that lives at the same time could disturb it.
pub(crate) fn as_forkserver<R>(fork_children: impl FnOnce() -> R) -> bool {
    let interruptions = Interruptions::suspend();
    identity::record_forkserver();
    fork_children();
    identity::adopt();
    // A server that signals its process group is not to end the forkserver, nor AFL++.
    let _ = setpgid(None, None);
    sandbox::isolate_child();
    process_table::begin_own();
    reset_waiting_threads();
    let is_isolated = isolation::isolate();
    interruptions.resume();
    is_isolated
}

/// Prepares for a process that the server is about to create.
///
/// # Errors
/// EAGAIN (fork(2)) where the sandbox allows no further one.
pub(crate) fn before_servers_fork() -> io::Result<()> {
    if sandbox::is_on() && process_table::is_full() {
        if report::status().count(Counter::ForksRefused) == 0 {
            let most = process_table::MAX_PROCESSES;
            report::emit(format_args!(
                "the server has {most} processes, and the sandbox allows no more: fork fails"
            ));
        }
        report::status().add(Counter::ForksRefused, 1);
        return Err(Errno::AGAIN);
    }
    memory_socket::before_fork();
    process_table::register_parent();
    children::adopt_orphans();
    Ok(())
}

/// Follows a fork of the server's, in the parent: `child` is the new process.
pub(crate) fn in_servers_parent(child: i32) {
    if child > 0 && config::get().is_some() {
        children::record(child);
        // Like a thread, a child may be at work while the calling thread is idle.
        threads::record_creation();
    }
}

/// Follows a fork of the server's, in the child: what its parent knows and does is not its own.
pub(crate) fn in_servers_child() {
    driver_process::reset_after_fork();
    planned_end::reset_after_fork();
    driver_guard::reset_after_fork();
    reset_waiting_threads();
    children::reset_after_fork();
    process_table::reset_after_fork();
    daemon::after_fork();
    // The child's iteration is its parent's. But what a waiting spare forks must not be seen either.
    if !forkserver::is_waiting_spare() {
        gate::open();
    }
}

/// Two processes that work at the same time have one clock: the kernel's.
pub(crate) fn share_kernel_time() {
    clock::thaw();
}

/// In any forked child: no other thread waits there, and the events of its parent's threads are not its own.
fn reset_waiting_threads() {
    hash_keys::reset_after_fork();
    notifier::reset_after_fork();
    threads::reset_after_fork();
    accept_gate::reset_after_fork();
    memory_socket::reset_after_fork();
}
