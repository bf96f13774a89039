//! Fork handling: everything that happens before and after a fork, in the parent and in the child.
//!
//! There are two kinds. The forkserver forks children that each continue as *the* server ([`as_forkserver`]); the
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
use crate::history;
use crate::memory_socket;
use crate::net::accept_gate;
use crate::process::{children, daemon, driver_process, helper, identity, process_table};
use crate::sys::{config, kept_answers, planned_end, report, threads};
use crate::{sandbox, source_coverage};
use interruptions::Interruptions;

/// Turns this process into the forkserver while `fork_children` runs, which returns only in the children. Returns
/// whether the child shares nothing by which a sibling that lives at the same time could disturb it.
pub(crate) fn as_forkserver<R>(fork_children: impl FnOnce() -> R) -> bool {
    let interruptions = Interruptions::suspend();
    identity::record_forkserver();
    fork_children();
    identity::adopt();
    // Keeps a server that signals its process group from ending the forkserver or AFL++.
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
/// EAGAIN (fork(2)) if the sandbox allows no further process.
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

/// Updates the parent's state after the server has forked the process `child`.
pub(crate) fn in_servers_parent(child: i32) {
    if child > 0 && config::get().is_some() {
        children::record(child);
        // Like a thread, a child may be busy while the calling thread is idle.
        threads::record_creation();
    }
}

/// Resets the state that a child which the server has forked does not share with its parent.
pub(crate) fn in_servers_child() {
    driver_process::reset_after_fork();
    planned_end::reset_after_fork();
    source_coverage::reset_after_fork();
    driver_guard::reset_after_fork();
    reset_waiting_threads();
    children::reset_after_fork();
    history::end_after_fork();
    process_table::reset_after_fork();
    daemon::after_fork();
    helper::after_fork();
    // The child takes part in its parent's iteration. But AFL++ must not see what a waiting spare forks.
    if !forkserver::is_waiting_spare() {
        gate::open();
    }
}

/// Switches to the kernel's clock, which all processes that work at the same time share.
pub(crate) fn share_kernel_time() {
    clock::thaw();
}

/// Resets the wait state in any forked child: it has no other threads, and must not use its parent's events.
fn reset_waiting_threads() {
    hash_keys::reset_after_fork();
    notifier::reset_after_fork();
    threads::reset_after_fork();
    accept_gate::reset_after_fork();
    memory_socket::reset_after_fork();
    kept_answers::reset_after_fork();
}
