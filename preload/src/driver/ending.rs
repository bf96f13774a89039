//! How connections end, and with the last of them the iteration.

use sockfuzz_protocol::session::Connection;
use sockfuzz_protocol::{Counter, Phase};

use super::client::Drained;
use super::dead_accept::{self, Culprit};
use super::pace::Pacer;
use super::{Driver, PATIENCE, PATIENCE_WITH_CHILDREN, Stage, Step, note_answer};
use crate::{backlog, children, descriptors, report, sanitizers};

impl Driver {
    /// Ends the next of the connections that are left.
    pub(super) fn end_next(&mut self) -> Step {
        let Some(next) = Connection::ALL.into_iter().find(|next| self.lines[next.index()].is_some()) else {
            return self.hang_up();
        };
        self.current = next;
        if self.line(next).ended {
            return self.hang_up();
        }
        self.half_close();
        self.enter(Stage::HalfClosed);
        self.pacer.iter_mut().for_each(Pacer::begin_linger);
        Step::Acted
    }

    pub(super) fn probe(&mut self) -> Step {
        if backlog::all_accepted() || !self.accepting.waits_on(Culprit::This) {
            return self.finish();
        }
        Step::LetTimePass
    }

    pub(super) fn read_to_the_end(&mut self) -> Step {
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
        let until = self.line(self.current).client.readable().into_iter().collect();
        match self.pacer.as_mut().and_then(Pacer::linger) {
            Some(limit) => Step::Sleep { until, limit: Some(limit) },
            None if children::may_answer() && !self.is_out_of_patience(PATIENCE_WITH_CHILDREN) => {
                Step::LetTimePass
            }
            None => self.hang_up(),
        }
    }

    /// Closes the client's end of the current connection, and goes on with those that are left.
    pub(super) fn hang_up(&mut self) -> Step {
        self.leave(self.current);
        if self.lines.iter().any(Option::is_some) {
            self.enter(Stage::Ending);
            return Step::Acted;
        }
        if self.server_has_closed() {
            return self.finish();
        }
        self.enter(Stage::HungUp);
        Step::Acted
    }

    /// Closes the client's end of a connection.
    fn leave(&mut self, connection: Connection) {
        if self.lines[connection.index()].take().is_some()
            && let Some(pacer) = &mut self.pacer
        {
            pacer.ended(connection);
        }
    }

    /// The same, in the middle of a session.
    pub(super) fn close(&mut self, connection: Connection) {
        if let (Some(line), Some(pacer)) = (self.lines[connection.index()].take(), &mut self.pacer) {
            line.client.close();
            pacer.ended(connection);
        }
    }

    /// In a forked child of the server's. Most connections end by a word of the client's; those that end
    /// by being closed have to be closed here, too.
    pub(crate) fn after_fork(&mut self) {
        for place in &mut self.lines {
            if let Some(line) = place
                && line.client.will_reset()
            {
                line.client.follow();
                *place = None;
            }
        }
    }

    pub(super) fn reset(&mut self, connection: Connection) {
        if let (Some(line), Some(pacer)) = (self.lines[connection.index()].take(), &mut self.pacer) {
            line.client.reset(|answer| note_answer(pacer, connection, answer));
            pacer.ended(connection);
        }
    }

    pub(super) fn await_close(&mut self) -> Step {
        if self.server_has_closed() {
            return self.finish();
        }
        if self.is_out_of_patience(PATIENCE) {
            descriptors::forsake_connections();
            report::status().add(Counter::Abandoned, 1);
            return self.finish();
        }
        Step::LetTimePass
    }

    /// The iteration is over. The server is idle, so the next one begins at once.
    pub(super) fn finish(&mut self) -> Step {
        children::look();
        Connection::ALL.into_iter().for_each(|connection| self.leave(connection));
        let is_single_run = self.pacer.as_ref().is_some_and(Pacer::is_patient);
        if is_single_run
            && self.stage != Stage::Probing
            && dead_accept::is_crash()
            && self.connect(Connection::ALL[0])
        {
            self.enter(Stage::Probing);
            return Step::Acted;
        }
        self.enter(Stage::Between);
        if is_single_run {
            sanitizers::look_for_leaks();
        }
        report::status().reach(Phase::Finished);
        if let Some(pacer) = &self.pacer {
            pacer.finish();
            if pacer.rests() {
                return Step::Rest;
            }
        }
        self.begin()
    }

    /// As far as this process knows: a child may hold the connection open.
    fn server_has_closed(&self) -> bool {
        backlog::all_accepted()
            && (descriptors::open_connections() == 0 || descriptors::recount_connections() == 0)
    }
}
