//! Model of the kernel: eventfds, and poll(2) without a time limit.

#![allow(dead_code, reason = "each model uses a part")]

use loom::model::Builder;
use loom::sync::{Arc, Condvar, Mutex, MutexGuard};
use sockfuzz_handover::Signal;

/// Object that a thread can wait for.
#[derive(Debug, Default, Clone, Copy)]
struct Object {
    /// Whether the eventfd exists: it is created when it is first needed. Earlier signals are lost.
    made: bool,
    count: u32,
}

/// All objects. A change of any object wakes every sleeping thread, which checks whether one of its own is readable: in
/// between, another thread may have taken the signal.
#[derive(Debug, Clone)]
pub(crate) struct Kernel(Arc<Objects>);

#[derive(Debug)]
struct Objects {
    all: Mutex<Vec<Object>>,
    changed: Condvar,
}

/// An eventfd.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    kernel: Kernel,
    index: usize,
}

impl Kernel {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Objects { all: Mutex::new(Vec::new()), changed: Condvar::new() }))
    }

    pub(crate) fn event(&self) -> Event {
        let mut objects = self.objects();
        objects.push(Object::default());
        Event { kernel: self.clone(), index: objects.len() - 1 }
    }

    fn objects(&self) -> MutexGuard<'_, Vec<Object>> {
        self.0.all.lock().unwrap()
    }

    /// Sleeps until one of the events is readable.
    pub(crate) fn poll(&self, events: &[&Event]) {
        events.iter().for_each(|event| event.prepare());
        let mut objects = self.objects();
        while events.iter().all(|event| objects[event.index].count == 0) {
            objects = self.0.changed.wait(objects).unwrap();
        }
    }
}

impl Event {
    pub(crate) fn is_readable(&self) -> bool {
        self.kernel.objects()[self.index].count > 0
    }

    /// Sleeps until this event is readable.
    pub(crate) fn poll(&self) {
        self.kernel.poll(&[self]);
    }
}

impl Signal for Event {
    fn prepare(&self) {
        self.kernel.objects()[self.index].made = true;
    }

    fn signal(&self) {
        let mut objects = self.kernel.objects();
        let object = &mut objects[self.index];
        if object.made {
            object.count += 1;
            self.kernel.0.changed.notify_all();
        }
    }

    fn take(&self) {
        self.kernel.objects()[self.index].count = 0;
    }

    fn forget(&self) {
        self.kernel.objects()[self.index] = Object::default();
    }
}

/// Explores all interleavings of `model` in which threads are preempted at most `preemptions` times. One in which
/// a thread sleeps for ever is reported as a deadlock.
pub(crate) fn explore(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}
