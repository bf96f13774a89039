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

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};

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
    /// Of this process.
    ledger: AtomicPtr<Ledger>,
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
        let ledger = forkserver::serve(ledgers, false);
        Some(Self { ledgers, ledger: AtomicPtr::new(ptr::from_ref(ledger).cast_mut()), inputs })
    }

    fn ledger(&self) -> &'static Ledger {
        // SAFETY: one of those in the shared page, which is never unmapped.
        unsafe { &*self.ledger.load(Relaxed) }
    }

    /// Whether this process could be the forkserver in the place of the first one.
    pub(super) fn may_take_over(&self) -> bool {
        self.ledgers.is_office_open() && self.ledgers.allow_spares()
    }

    /// Becomes the forkserver, unless it is too late for that; returns in every child.
    pub(super) fn take_over(&self) -> bool {
        if !self.ledgers.take_office(self.ledger()) {
            return false;
        }
        let ledger = forkserver::serve(self.ledgers, true);
        self.ledger.store(ptr::from_ref(ledger).cast_mut(), Relaxed);
        true
    }

    /// This server's processes must not live side by side.
    pub(super) fn refuse_spares(&self) {
        self.ledgers.refuse_spares();
    }

    /// Whether this process waits for its turn while another one runs.
    pub(super) fn is_waiting(&self) -> bool {
        self.ledger().is_waiting_spare()
    }

    /// Ends the current iteration and waits for the next; `false` when `count` were run.
    pub(super) fn next_iteration(&self, count: u32) -> bool {
        let ledger = self.ledger();
        match ledger.iterations() {
            0 => self.await_turn(),
            // The forkserver answers for this iteration when the process has ended.
            iterations if iterations == count => return false,
            _ => {
                ledger.enter(Stage::Reporting);
                pipes::report_iteration();
                ledger.enter(Stage::Reported);
                if !pipes::read_request() {
                    crate::report::exit(0);
                }
            }
        }
        self.inputs.fetch();
        ledger.begin_iteration();
        true
    }

    /// The start is over.
    fn await_turn(&self) {
        children::look();
        if children::ids().next().is_some() {
            // What processes of a spare do cannot be hidden while it waits and seen afterwards.
            self.refuse_spares();
        }
        self.ledger().await_call(&GLANCE, child::end_without_parent);
    }
}
