//! End of connections, and of the iteration after the last of them.

use std::time::Duration;

use sockfuzz_protocol::session::Connection;
use sockfuzz_protocol::{Counter, Phase};

use super::dead_accept::{self, Culprit};
use super::drained::Drained;
use super::input_source::InputSource;
use super::leak_sanitizer;
use super::{Driver, MAX_IDLE_ROUNDS, MAX_IDLE_ROUNDS_WITH_CHILDREN, SessionStage, record_answer};
use crate::blocking::IdleStep;
use crate::determinism::clock;
use crate::memory_socket;
use crate::net::accept_gate;
use crate::process::{children, ending};
use crate::sys::fd_table::{self, FdKind};
use crate::sys::{report, signal_guard, threads};

/// Interval between two checks whether late threads and processes have ended.
const LATE_POLL_INTERVAL: Duration = Duration::from_millis(1);

impl Driver {
    /// Half-closes the next open connection, or closes it if the server has already ended it.
    pub(super) fn end_next(&mut self) -> IdleStep {
        let Some(next) = Connection::ALL.into_iter().find(|next| self.connections[next.index()].is_some())
        else {
            return self.hang_up();
        };
        self.current = next;
        if self.connection(next).ended {
            return self.hang_up();
        }
        self.half_close();
        self.enter(SessionStage::HalfClosed);
        self.input_source.iter_mut().for_each(InputSource::begin_linger);
        IdleStep::Progress
    }

    pub(super) fn probe(&mut self) -> IdleStep {
        if accept_gate::all_accepted() || !self.accepting.waits_on(Culprit::This) {
            return self.finish();
        }
        IdleStep::WaitForTimer
    }

    pub(super) fn read_to_the_end(&mut self) -> IdleStep {
        if !self.reads_answers() && !children::may_answer() && self.server_has_closed() {
            return self.finish();
        }
        match self.drain() {
            Drained::Much => return self.acted(),
            Drained::Ended => return self.hang_up(),
            Drained::Little => {}
        }
        if let Some(step) = self.await_delivery() {
            return step;
        }
        let until = self.connection(self.current).client.readable().into_iter().collect();
        match self.input_source.as_mut().and_then(InputSource::linger) {
            Some(limit) => IdleStep::Sleep { until, limit: Some(limit) },
            None if children::may_answer() && !self.exceeds_rounds(MAX_IDLE_ROUNDS_WITH_CHILDREN) => {
                IdleStep::WaitForTimer
            }
            None => self.hang_up(),
        }
    }

    /// Closes the client's end of the current connection, and continues with the other open ones.
    pub(super) fn hang_up(&mut self) -> IdleStep {
        self.close(self.current);
        if self.connections.iter().any(Option::is_some) {
            self.enter(SessionStage::Ending);
            return IdleStep::Progress;
        }
        if self.server_has_closed() {
            return self.finish();
        }
        self.enter(SessionStage::HungUp);
        IdleStep::Progress
    }

    /// Closes the client's end of a connection.
    pub(super) fn close(&mut self, connection: Connection) {
        self.note_tls_outcome();
        if let Some(line) = self.connections[connection.index()].take() {
            line.close();
            self.input_source.iter_mut().for_each(|source| source.ended(connection));
        }
    }

    /// In a forked child of the server: closes the inherited client's ends of connections that will be reset. The
    /// server sees a reset only when no process holds the client's end.
    pub(super) fn close_resetting(&mut self) {
        for place in &mut self.connections {
            if let Some(line) = place
                && line.client.will_reset()
            {
                line.client.follow();
                *place = None;
            }
        }
    }

    pub(super) fn reset(&mut self, connection: Connection) {
        let input_source = &mut self.input_source;
        if let Some(line) = self.connections[connection.index()].take() {
            line.reset(|answer| record_answer(input_source, connection, answer));
            input_source.iter_mut().for_each(|source| source.ended(connection));
        }
    }

    pub(super) fn await_close(&mut self) -> IdleStep {
        if self.server_has_closed() {
            return self.finish();
        }
        if self.exceeds_rounds(MAX_IDLE_ROUNDS) {
            abandon_connections();
            report::status().add(Counter::Abandoned, 1);
            return self.finish();
        }
        IdleStep::WaitForTimer
    }

    /// Ends the iteration after late threads and processes. The server is idle, so the next one begins at once.
    pub(super) fn finish(&mut self) -> IdleStep {
        children::check();
        Connection::ALL.into_iter().for_each(|connection| self.close(connection));
        if self.stage != SessionStage::Probing && self.awaits_late_work() {
            let is_first = self.stage != SessionStage::Late;
            self.enter(SessionStage::Late);
            // Most of them end as soon as the connections are closed, so the first wait does not sleep.
            return match is_first || signal_guard::is_pending() {
                true => IdleStep::Progress,
                false => IdleStep::Sleep { until: Vec::new(), limit: Some(LATE_POLL_INTERVAL) },
            };
        }
        if self.is_tls_trial() {
            return self.conclude_tls_trial();
        }
        let is_single_run = self.input_source.as_ref().is_some_and(InputSource::waits_indefinitely);
        let is_last = self.input_source.as_ref().is_some_and(InputSource::is_last);
        if is_last
            && self.stage != SessionStage::Probing
            && dead_accept::is_crash()
            && self.connect(Connection::ALL[0])
        {
            self.enter(SessionStage::Probing);
            return IdleStep::Progress;
        }
        self.enter(SessionStage::Between);
        if is_last {
            leak_sanitizer::check();
        }
        if let Some(status @ 1..) = ending::exit_status().filter(|_| is_single_run) {
            // Another thread is about to exit with this status, which a finished run would replace by 0.
            report::exit(status);
        }
        if is_last || !is_single_run {
            report::status().reach(Phase::Finished);
        }
        if let Some(input_source) = &self.input_source {
            input_source.finish();
            if input_source.advances_clock() {
                return IdleStep::AdvanceClock;
            }
        }
        self.begin()
    }

    /// Reads the remaining answers of a server that exits with `status`. The run counts as finished if the status is 0,
    /// the server has answered, and the client has taken every step of the last input.
    pub(super) fn forward_last_answers(&mut self, status: i32) {
        if self.stage == SessionStage::Between {
            return;
        }
        self.connections.iter_mut().flatten().for_each(|connection| connection.client.follow());
        while self.drain() == Drained::Much {}
        report::status().add(Counter::Exits, 1);
        let is_played =
            self.input_source.as_mut().is_none_or(|source| source.next_step().is_none() && source.is_last());
        if status == 0 && is_played && report::status().phase() >= Phase::Answered {
            report::status().reach(Phase::Finished);
        }
    }

    /// Whether to wait for the handler of a pending signal, or for threads and processes that the server has created in
    /// this iteration, because their ends belong to it. `false` once [`threads::LATE_TIMEOUT`] is over.
    fn awaits_late_work(&mut self) -> bool {
        if !signal_guard::is_pending() && !threads::has_late_sleepers() && !children::has_new() {
            return false;
        }
        let now = clock::real_now();
        now - *self.late_since.get_or_insert(now) < threads::LATE_TIMEOUT
    }

    /// Whether this process has accepted and closed every connection. A child process may still hold one open.
    fn server_has_closed(&self) -> bool {
        accept_gate::all_accepted()
            && (fd_table::connection_count() == 0 || fd_table::recount_connections() == 0)
    }
}

/// Stops tracking the connections that the server does not close, so that they do not delay later iterations.
fn abandon_connections() {
    for fd in fd_table::connections() {
        if fd_table::is_virtual(fd) {
            memory_socket::abandon(fd);
        }
        fd_table::set(fd, FdKind::Unmanaged);
    }
}
