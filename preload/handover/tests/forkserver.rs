//! Model of AFL++, the forkserver and its children, with three requests. Either the first child dies at any step of
//! three iterations, or it dies while it reports its first one or reads the next request, and the second child dies at
//! any step of its first iteration. The cause is AFL++'s signal or a crash. All interleavings of AFL++ with the
//! server's processes are explored, up to two preemptions.
//!
//! The forkserver sleeps while its child lives, so both are one thread here. The model omits spares, and a first child
//! that takes over as the forkserver.

#![cfg(loom)]

use std::collections::VecDeque;

use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;
use sockfuzz_handover::forkserver::{self, IterationState, RequestPlace};

const REQUESTS: u32 = 3;
/// Steps of a child in one iteration.
const ITERATION_STEPS: u32 = 6;

/// Step after which a child reports its first iteration.
const REPORTING_STEP: usize = 3;

/// Preemptions in one interleaving.
const PREEMPTIONS: usize = 2;

type ProcessId = u32;

/// Word on the status pipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Id(ProcessId),
    /// The iteration ended without a finding.
    Stopped {
        by: ProcessId,
        input: u32,
    },
    /// The child died. Written by the forkserver.
    Died {
        by: ProcessId,
    },
}

#[derive(Default)]
struct PipeContents {
    requests: u32,
    closed: bool,
    answers: VecDeque<Word>,
    /// Number of changes of these fields.
    changes: u32,
    /// AFL++'s current input, in shared memory.
    input: u32,
}

/// The two pipes.
#[derive(Default)]
struct Pipes {
    contents: Mutex<PipeContents>,
    changed: Condvar,
}

impl Pipes {
    fn change<T>(&self, change: impl FnOnce(&mut PipeContents) -> T) -> T {
        let mut contents = self.contents.lock().unwrap();
        contents.changes += 1;
        let result = change(&mut contents);
        self.changed.notify_all();
        result
    }

    fn look<T>(&self, look: impl FnOnce(&PipeContents) -> T) -> T {
        look(&self.contents.lock().unwrap())
    }

    /// Blocks until `take` returns something.
    fn read<T>(&self, take: impl Fn(&mut PipeContents) -> Option<T>) -> T {
        let mut contents = self.contents.lock().unwrap();
        loop {
            if let Some(taken) = take(&mut contents) {
                contents.changes += 1;
                self.changed.notify_all();
                return taken;
            }
            contents = self.changed.wait(contents).unwrap();
        }
    }

    fn read_answer(&self) -> Word {
        self.read(|contents| contents.answers.pop_front())
    }

    /// Reads a request; returns `false` at the end of all requests.
    fn read_request(&self) -> bool {
        self.read(|contents| match contents.requests.checked_sub(1) {
            Some(left) => {
                contents.requests = left;
                Some(true)
            }
            None => contents.closed.then_some(false),
        })
    }

    fn write(&self, words: &[Word]) {
        self.change(|contents| contents.answers.extend(words));
    }

    fn all_read(&self) -> bool {
        self.look(|contents| contents.answers.is_empty())
    }

    fn request_comes(&self) -> bool {
        self.look(|contents| contents.requests > 0 || contents.closed)
    }
}

/// Death of a child: the number of steps before it, and whether the cause is a crash.
#[derive(Debug, Clone, Copy)]
struct Death {
    steps: u32,
    crash: bool,
}

/// Events in the server.
#[derive(Default)]
struct ServerLog {
    /// Inputs that were run, each with its process.
    runs: Vec<(u32, ProcessId)>,
    /// Processes that run an iteration which AFL++ attributes to a dead process, each with the dead one.
    stand_ins: Vec<(ProcessId, ProcessId)>,
}

/// Runs a child until its end; returns its progress then.
fn run_child(pipes: &Pipes, id: ProcessId, death: Option<Death>, log: &mut ServerLog) -> IterationState {
    let mut state = IterationState::Running;
    let mut steps = 0;
    let mut dies = || {
        steps += 1;
        death.is_some_and(|death| steps > death.steps)
    };
    loop {
        if dies() {
            return state;
        }
        let input = pipes.look(|contents| contents.input);
        if dies() {
            return state;
        }
        state = IterationState::Running;
        log.runs.push((input, id));
        if dies() {
            return state;
        }
        state = IterationState::Reporting;
        if dies() {
            return state;
        }
        pipes.write(&[Word::Stopped { by: id, input }, Word::Id(id)]);
        if dies() {
            return state;
        }
        state = IterationState::Reported;
        if dies() || !pipes.read_request() {
            return state;
        }
    }
}

/// Checks the pipes until `decide` returns a decision. (The forkserver checks again after an interval; the model, after
/// the next change.)
fn look_until<T>(pipes: &Pipes, decide: impl Fn(RequestPlace) -> Option<T>) -> T {
    loop {
        let seen = pipes.look(|contents| contents.changes);
        let place = forkserver::find_request(|| pipes.all_read(), || pipes.request_comes());
        if let Some(decision) = decide(place) {
            return decision;
        }
        pipes.read(|contents| (contents.changes != seen).then_some(()));
    }
}

/// Waits for a request, as `next_request` in `afl/forkserver/parent.rs` does.
fn next_request(pipes: &Pipes, has_killed_child: bool) -> bool {
    let is_in_pipe = !has_killed_child
        || look_until(pipes, |place| match place {
            RequestPlace::InPipe => Some(true),
            RequestPlace::Absent => Some(false),
            RequestPlace::Unknown => None,
        });
    !is_in_pipe || pipes.read_request()
}

/// Runs the forkserver, as `serve` in `afl/forkserver/parent.rs` does.
fn serve(pipes: &Pipes, deaths: [Option<Death>; 2]) -> ServerLog {
    let mut log = ServerLog::default();
    let mut killed_child = None;
    let mut id = 0;
    while next_request(pipes, killed_child.is_some()) {
        let death = deaths.get(id as usize).copied().flatten();
        id += 1;
        match killed_child.take() {
            None => pipes.write(&[Word::Id(id)]),
            Some(killed) => log.stand_ins.push((id, killed)),
        }
        let state = run_child(pipes, id, death, &mut log);
        if !look_until(pipes, |place| forkserver::has_reported(state, || place)) {
            pipes.write(&[Word::Died { by: id }]);
        } else if death.is_some_and(|death| death.crash) {
            if next_request(pipes, true) {
                pipes.write(&[Word::Died { by: id }]);
            }
        } else {
            killed_child = Some(id);
        }
    }
    log
}

/// Runs afl-fuzz; returns the process id and the status that it reads for each request.
fn fuzz(pipes: &Pipes) -> Vec<(Word, Word)> {
    let run = |input| {
        pipes.change(|contents| {
            contents.input = input;
            contents.requests += 1;
        });
        (pipes.read_answer(), pipes.read_answer())
    };
    let results = (1..=REQUESTS).map(run).collect();
    pipes.change(|contents| contents.closed = true);
    results
}

fn check(deaths: [Option<Death>; 2]) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(PREEMPTIONS);
    builder.check(move || {
        let pipes = Arc::new(Pipes::default());
        let server = thread::spawn({
            let pipes = pipes.clone();
            move || serve(&pipes, deaths)
        });
        let results = fuzz(&pipes);
        let log = server.join().unwrap();

        for (input, (id, status)) in (1..).zip(results) {
            let Word::Id(told) = id else { panic!("{id:?} instead of a process id: {deaths:?}") };
            let by = match status {
                Word::Stopped { by, input: ran } => {
                    assert_eq!(ran, input, "{deaths:?}");
                    assert!(log.runs.contains(&(input, by)), "{deaths:?}");
                    by
                }
                Word::Died { by } => by,
                Word::Id(_) => panic!("a process id instead of a status: {deaths:?}"),
            };
            assert!(by == told || log.stand_ins.contains(&(by, told)), "{deaths:?}");
        }
        // No input was run twice.
        let mut inputs: Vec<_> = log.runs.iter().map(|(input, _)| input).collect();
        inputs.dedup();
        assert_eq!(inputs.len(), log.runs.len(), "{deaths:?}");
        // The only word left is the id for a request that was never written.
        let left: Vec<_> = pipes.look(|contents| contents.answers.iter().copied().collect());
        assert!(matches!(left[..], [] | [Word::Id(_)]), "{left:?} is left: {deaths:?}");
    });
}

fn deaths(steps: u32, crash: bool) -> impl Iterator<Item = Option<Death>> {
    (0..=steps).map(move |steps| Some(Death { steps, crash }))
}

/// Wherever children die, every request is answered once, under an id that AFL++ has, and no input is run twice.
#[test]
fn every_request_gets_one_status_and_the_right_process_id() {
    for first in deaths(REQUESTS * ITERATION_STEPS, false).chain(deaths(REQUESTS * ITERATION_STEPS, true)) {
        check([first, None]);
    }
}

/// The process that runs an iteration in place of a dead one may die, too.
#[test]
fn a_stand_in_may_die_too() {
    for first in deaths(ITERATION_STEPS + 1, false).skip(REPORTING_STEP) {
        for second in deaths(ITERATION_STEPS, false).chain(deaths(ITERATION_STEPS, true)) {
            check([first, second]);
        }
    }
}
