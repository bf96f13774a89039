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

mod forkserver;
mod handshake;
mod inputs;
mod ledger;
mod pipes;

use super::Instrumentation;
use inputs::Inputs;
use ledger::{Ledger, Stage};

/// A child of the forkserver, as it speaks to AFL++.
#[derive(Debug)]
pub(super) struct Direct {
    ledger: &'static Ledger,
    inputs: Inputs,
}

impl Direct {
    /// Greets AFL++ and forks a child for every process that it asks for; returns in the child.
    /// `None` when this server's runtime, or the tool above it, does not speak what is spoken here.
    pub(super) fn start(instrumentation: &Instrumentation) -> Option<Self> {
        let mut inputs = Inputs::find().filter(|_| instrumentation.speaks_current_protocol())?;
        handshake::run(instrumentation, &inputs);
        inputs.open(instrumentation);
        let ledger = Ledger::share();
        forkserver::serve(ledger);
        Some(Self { ledger, inputs })
    }

    /// Ends the current iteration and waits for the next; `false` when `count` were run.
    pub(super) fn next_iteration(&self, instrumentation: &Instrumentation, count: u32) -> bool {
        if self.ledger.iterations() == 0 {
            instrumentation.clear_coverage();
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
            instrumentation.mark_coverage();
        }
        self.inputs.fetch();
        self.ledger.begin_iteration();
        true
    }
}
