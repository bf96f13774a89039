//! The main thread accepts; workers wait on a condition variable for connections to serve.

use std::collections::VecDeque;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::blocking;
use crate::Site;

/// Maximum number of connections that wait for a worker; more wait in the kernel's backlog.
const CAPACITY: usize = 64;

pub(super) fn serve(listener: &TcpListener, site: Site, threads: usize) -> io::Result<()> {
    let queue = Arc::new(Queue::default());
    for number in 0..threads {
        let queue = Arc::clone(&queue);
        thread::Builder::new().name(format!("worker-{number}")).spawn(move || {
            loop {
                blocking::serve(queue.take(), site);
            }
        })?;
    }
    loop {
        queue.put(blocking::accept(listener)?);
    }
}

/// Bounded queue with one condition variable per direction.
#[derive(Default)]
struct Queue {
    streams: Mutex<VecDeque<TcpStream>>,
    filled: Condvar,
    drained: Condvar,
}

impl Queue {
    fn put(&self, stream: TcpStream) {
        let mut streams = self
            .drained
            .wait_while(self.lock(), |streams| streams.len() >= CAPACITY)
            .unwrap_or_else(PoisonError::into_inner);
        streams.push_back(stream);
        // Unlocks first, so that the worker which is woken does not wait for the lock.
        drop(streams);
        self.filled.notify_one();
    }

    fn take(&self) -> TcpStream {
        let mut streams = self.lock();
        loop {
            if let Some(stream) = streams.pop_front() {
                self.drained.notify_one();
                return stream;
            }
            streams = self.filled.wait(streams).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<TcpStream>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
