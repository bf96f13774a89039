//! Loop `direct`: a forkserver of our own, whose child speaks to AFL++ itself.
//!
//! In AFL++'s own persistent loop a child stops itself after every iteration, its forkserver says
//! so to AFL++, hears that it is to go on, and wakes the child: two processes where one would do.
//! Here the forkserver only sleeps until its child dies. The child writes what the forkserver would
//! have written, reads the next request, and goes on: one write and one read an iteration.
//!
//! An answer and the process id that AFL++ expects after its next request go out in one write, so
//! AFL++ never waits for the id. The price is paid in [`forkserver`], when a child is killed
//! between the two.
//!
//! While a child runs, the next one, the *spare*, starts, warms up, and sleeps just before its first
//! input. So a death costs no start, and AFL++ is told of no process before it is ready.

mod child;
mod forkserver;
mod handshake;
mod inputs;
mod ledger;
mod pipes;

use rustix::event::Timespec;

use super::Instrumentation;
use crate::children;
use inputs::Inputs;
use ledger::{Ledger, Ledgers, Stage};

/// How often a waiting child looks whether the forkserver lives.
const GLANCE: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// A child of the forkserver, as it speaks to AFL++.
#[derive(Debug)]
pub(super) struct Direct {
    ledgers: &'static Ledgers,
    ledger: &'static Ledger,
    inputs: Inputs,
}

impl Direct {
    /// Greets AFL++ and forks a child for every process that it asks for, and spares, if they are
    /// wanted; returns in the child. `None` when this server's runtime, or the tool above it, does not
    /// speak what is spoken here.
    pub(super) fn start(instrumentation: &Instrumentation, spares: bool) -> Option<Self> {
        let mut inputs = Inputs::find().filter(|_| instrumentation.speaks_current_protocol())?;
        handshake::run(instrumentation, &inputs);
        inputs.open(instrumentation);
        let ledgers = Ledgers::share(spares);
        let ledger = forkserver::serve(ledgers);
        Some(Self { ledgers, ledger, inputs })
    }

    /// This server's processes must not live side by side.
    pub(super) fn refuse_spares(&self) {
        self.ledgers.refuse_spares();
    }

    /// Whether this process waits for its turn while another one runs.
    pub(super) fn is_waiting(&self) -> bool {
        self.ledger.is_waiting_spare()
    }

    /// Ends the current iteration and waits for the next; `false` when `count` were run.
    pub(super) fn next_iteration(&self, count: u32) -> bool {
        if self.ledger.iterations() == 0 {
            self.await_turn();
        } else if self.ledger.iterations() == count {
            // The forkserver answers for this iteration when the process has ended.
            return false;
        } else {
            self.ledger.enter(Stage::Reporting);
            pipes::report_iteration();
            self.ledger.enter(Stage::Reported);
            if !pipes::read_request() {
                crate::report::exit(0);
            }
        }
        self.inputs.fetch();
        self.ledger.begin_iteration();
        true
    }

    /// The start is over.
    fn await_turn(&self) {
        children::look();
        if children::ids().next().is_some() {
            // What processes of a spare do cannot be hidden while it waits and seen afterwards.
            self.refuse_spares();
        }
        self.ledger.await_call(&GLANCE, child::end_without_parent);
    }
}
