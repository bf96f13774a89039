//! Several copies of a server in the loop, each on a core of its own, that share the inputs.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use anyhow::Result;

use crate::server::loop_run::{InputEnd, LoopRun};
use crate::server::single_run::RunConfig;
use crate::util::affinity::PinnedThread;

/// Copies of a server. They end together: at the end of one, all processes below sockfuzz end.
#[derive(Debug)]
pub struct LoopPool {
    runs: Vec<LoopRun>,
}

impl RunConfig<'_> {
    /// Starts this number of copies of the server in the loop.
    ///
    /// # Errors
    /// Those of [`Self::start_loop`].
    pub fn start_loops(&self, count: usize) -> Result<LoopPool> {
        let start = |core| {
            let _pinned = PinnedThread::to_nth_core(core)?;
            self.start_loop()
        };
        Ok(LoopPool { runs: (0..count.max(1)).map(start).collect::<Result<_>>()? })
    }
}

impl LoopPool {
    /// Runs each input once, and calls `on_end` with its index, its end, and how often it passed each edge. The inputs begin in
    /// their order.
    ///
    /// # Errors
    /// Those of [`LoopRun::run`].
    pub fn run_all(
        &mut self,
        inputs: &[&[u8]],
        on_end: &(dyn Fn(usize, InputEnd, &[u8]) + Sync),
    ) -> Result<()> {
        let next = AtomicUsize::new(0);
        let work = |core: usize, run: &mut LoopRun| {
            // A client on the server's core wakes it fastest.
            let _pinned = PinnedThread::to_nth_core(core)?;
            loop {
                let index = next.fetch_add(1, Relaxed);
                let Some(input) = inputs.get(index) else { return Ok(()) };
                let (end, counts) = run.run_with_coverage(input)?;
                on_end(index, end, &counts);
            }
        };
        thread::scope(|scope| {
            let runs = self.runs.iter_mut().enumerate();
            let workers: Vec<_> = runs.map(|(core, run)| scope.spawn(move || work(core, run))).collect();
            workers.into_iter().try_for_each(|worker| worker.join().expect("a worker does not panic"))
        })
    }
}
