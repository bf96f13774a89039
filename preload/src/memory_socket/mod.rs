//! Transport `memory`: an overlay over `unix`. The listener is a real one, to which no client connects. The
//! server's end of a connection has a real descriptor, but its bytes, its readiness, and the epoll
//! registrations of both are kept here.
//!
//! The client acts inside the server's own calls, so a server with one thread never waits for a virtual socket.
//! Threads of other servers wait in the [`wait_queue`]. The state belongs to this process alone. The transport falls
//! back to `unix` if two processes share a connection, or if the server needs anything else that only the kernel
//! can do. See [`fallback`].

mod accept_queue;
mod arrival;
mod client;
mod epoll;
mod epoll_instances;
mod fallback;
mod placeholder;
mod readiness;
mod server;
mod state;
mod stream;
mod wait;
mod wait_queue;
mod written_bytes;

use crate::sys::fd_table::{self, FdKind};
use crate::sys::report;

pub(crate) use client::{connect, drop_unread, half_close, hang_up, reset, send, take_answered};
pub(crate) use epoll::ALWAYS_REPORTED;
pub(crate) use fallback::{catch_up, fall_back, switch_to_unix, take_kernel_client};
pub(crate) use placeholder::{all_close_on_exec, record_copy, reserve_fd, stop_reserving_fds};
pub(crate) use readiness::{
    MAX_COLLECTED, collect_events, duplicate_epoll, epoll_ctl, epoll_has_registrations, epoll_is_ready,
    epoll_polls_kernel, forget_epoll, is_ready, readiness, record_kernel_registration, reject_polled_epoll,
};
pub(crate) use server::{
    abandon, accept, fd_is_nonblocking, forward_answer, forwards_answers, is_writable,
    listener_flags_changed, listener_is_nonblocking, receive, record_answer, set_nonblocking,
    set_status_flags, shutdown, status_flags, take_error, unread_len, with_timeout, write,
};
pub(crate) use state::is_active;
pub(crate) use wait::wait_for_arrival;
pub(crate) use wait_queue::Interest;
pub(crate) use written_bytes::take_written;

/// Enables the transport. Must be called before the server's `main`, because a server may lower its own
/// limits. `drops_needed_answers`: answers replace missing coverage, and this transport drops them.
pub(crate) fn prepare(drops_needed_answers: bool) {
    fallback::share_notice();
    if drops_needed_answers {
        fallback::emit_notice("its answers stand in for its coverage, and memory drops them");
    } else if let Err(error) = placeholder::make() {
        report::status().set_memory_fallback("there is no descriptor for it");
        report::emit(format_args!("transport memory needs a descriptor ({error}): going on with unix"));
    } else {
        fd_table::observe_last_close(last_close);
        state::enable();
    }
}

/// Handles the close of the server's last descriptor of a connection or of the listener.
fn last_close(kind: FdKind) {
    if is_active() {
        match kind {
            FdKind::Virtual(slot) => server::connection_closed(slot),
            FdKind::Listener => server::listener_closed(),
            _ => {}
        }
    }
}

/// Prepares for a process that the server is about to create. Each process has a listener and clients of its
/// own here, but a connection that both have must be a real one.
pub(crate) fn before_fork() {
    if state::has_connections() {
        fall_back("it creates a process while it serves");
    }
    fd_table::release_reserved_from(0);
}

/// Resets locks and waiting threads in a forked child, where no other thread exists.
pub(crate) fn reset_after_fork() {
    state::reset_after_fork();
    wait_queue::reset_after_fork();
    written_bytes::reset_after_fork();
}
