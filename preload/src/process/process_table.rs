//! Table of the processes that the server has forked, in memory that they share: a server is idle when all of
//! them are idle, whichever their parents are.
//!
//! Every child of the forkserver has a table of its own for the processes that it forks. It also has the tables of
//! earlier processes, whose entries it shares with its siblings.

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU32, AtomicUsize, Ordering::SeqCst};

use rustix::process::{getpid, getppid};

use crate::sys::shared_pages::{self, Shareable};

/// Capacity of a table. In the sandbox, the server may have no more processes; outside, further ones are not recorded.
pub(crate) const MAX_PROCESSES: usize = 256;

/// Number of tables of earlier processes: that of the server's start, and that of a forkserver that took over.
const MAX_EARLIER_TABLES: usize = 2;

/// Entry for one process.
#[derive(Debug)]
struct ProcessEntry {
    /// Process id; 0 marks a free entry.
    pid: AtomicI32,
    parent: AtomicI32,
    /// Number of the iteration in which it was forked.
    iteration: AtomicU32,
    /// Whether its end was seen. Its parent may still have to reap it.
    ended: AtomicBool,
}

/// Table in shared memory.
#[derive(Debug)]
struct ProcessTable {
    entries: [ProcessEntry; MAX_PROCESSES],
    /// Index of the first entry behind all that were ever used.
    used: AtomicUsize,
    /// Number of registrations, which wraps around.
    generation: AtomicU32,
    /// Number of the current iteration.
    iteration: AtomicU32,
}

// SAFETY: all zeroes is a valid table, there are no pointers, and all fields are atomic.
unsafe impl Shareable for ProcessTable {}

/// Table of this process, then those of earlier processes.
static TABLES: [AtomicPtr<ProcessTable>; 1 + MAX_EARLIER_TABLES] =
    [const { AtomicPtr::new(std::ptr::null_mut()) }; 1 + MAX_EARLIER_TABLES];
/// Process ids of this process and of its parent, as the kernel has them.
static ME: AtomicI32 = AtomicI32::new(0);
static MY_PARENT: AtomicI32 = AtomicI32::new(0);
/// Whether this process is a child of the forkserver, so that its parent does none of the server's work.
static HAS_FORKSERVER: AtomicBool = AtomicBool::new(false);

/// Maps the first table. Must be called before the server forks.
pub(crate) fn share() {
    if table(0).is_none() {
        map();
    }
    note_ids();
}

/// Begins a table of its own for this process, a child of the forkserver.
pub(crate) fn begin_own() {
    for place in (0..MAX_EARLIER_TABLES).rev() {
        TABLES[place + 1].store(TABLES[place].load(SeqCst), SeqCst);
    }
    HAS_FORKSERVER.store(true, SeqCst);
    map();
    note_ids();
}

/// Registers this process, a child that the server has forked.
pub(crate) fn reset_after_fork() {
    HAS_FORKSERVER.store(false, SeqCst);
    // The kernel's answer would be wrong if the parent has ended already.
    let parent = me();
    note_ids();
    register(me(), parent);
}

fn map() {
    if let Ok(mapped) = shared_pages::map::<ProcessTable>() {
        TABLES[0].store(std::ptr::from_ref(mapped).cast_mut(), SeqCst);
    }
}

fn note_ids() {
    ME.store(getpid().as_raw_nonzero().get(), SeqCst);
    MY_PARENT.store(getppid().map_or(0, |parent| parent.as_raw_nonzero().get()), SeqCst);
}

pub(crate) fn me() -> i32 {
    ME.load(SeqCst)
}

fn table(place: usize) -> Option<&'static ProcessTable> {
    // SAFETY: the pointer is null or points at a mapping that is never removed.
    unsafe { TABLES[place].load(SeqCst).as_ref() }
}

fn entries(table: &'static ProcessTable) -> impl Iterator<Item = &'static ProcessEntry> {
    let used = table.used.load(SeqCst).min(MAX_PROCESSES);
    table.entries[..used].iter().filter(|entry| entry.pid.load(SeqCst) != 0)
}

/// Registers this process, which is about to fork: its child may run before `fork` returns here.
pub(crate) fn register_parent() {
    if !HAS_FORKSERVER.load(SeqCst) && !contains(me()) {
        register(me(), MY_PARENT.load(SeqCst));
    }
}

/// Registers a process that the server has forked.
pub(crate) fn register_child(child: i32) {
    register(child, me());
}

/// Whether every entry of the table holds a living process.
pub(crate) fn is_full() -> bool {
    let living = |table| entries(table).filter(|entry| !entry.ended.load(SeqCst)).count();
    table(0).is_some_and(|table| living(table) >= MAX_PROCESSES)
}

fn contains(pid: i32) -> bool {
    table(0).is_some_and(|table| entries(table).any(|entry| entry.pid.load(SeqCst) == pid))
}

/// Registers a process. It and its parent may do so at the same time: two entries do no harm.
fn register(pid: i32, parent: i32) {
    let Some(table) = table(0) else { return };
    let known = entries(table).find(|entry| entry.pid.load(SeqCst) == pid);
    let free = || {
        let is_free = |entry: &&ProcessEntry| entry.pid.compare_exchange(0, pid, SeqCst, SeqCst).is_ok();
        table.entries.iter().find(is_free)
    };
    let Some(entry) = known.or_else(free) else { return };
    entry.parent.store(parent, SeqCst);
    entry.ended.store(false, SeqCst);
    entry.iteration.store(table.iteration.load(SeqCst), SeqCst);
    let place =
        (std::ptr::from_ref(entry).addr() - table.entries.as_ptr().addr()) / size_of::<ProcessEntry>();
    table.used.fetch_max(place + 1, SeqCst);
    table.generation.fetch_add(1, SeqCst);
}

/// Removes a process that has been reaped, or does none of the server's work any more.
pub(crate) fn remove(pid: i32) {
    with_pid(pid).for_each(|entry| entry.pid.store(0, SeqCst));
}

/// Records that a process has ended. Its entry stays until the process is reaped.
pub(crate) fn mark_ended(pid: i32) {
    with_pid(pid).for_each(|entry| entry.ended.store(true, SeqCst));
}

fn with_pid(pid: i32) -> impl Iterator<Item = &'static ProcessEntry> {
    let entries = (0..TABLES.len()).filter_map(table).flat_map(entries);
    entries.filter(move |entry| entry.pid.load(SeqCst) == pid)
}

/// Returns the processes of the server, except this one and the forkserver.
pub(crate) fn others() -> impl Iterator<Item = i32> {
    let (me, forkserver) = (me(), if HAS_FORKSERVER.load(SeqCst) { MY_PARENT.load(SeqCst) } else { 0 });
    (0..TABLES.len())
        .filter_map(table)
        .flat_map(entries)
        .map(|entry| entry.pid.load(SeqCst))
        .filter(move |&pid| pid != 0 && pid != me && pid != forkserver)
}

/// Returns the processes of [`others`] that this one has not forked.
pub(crate) fn relatives() -> impl Iterator<Item = i32> {
    others().filter(|&pid| own_children().all(|child| child != pid))
}

/// Whether the server has other processes than this one, as far as is known.
pub(crate) fn has_others() -> bool {
    others().next().is_some()
}

/// Returns a number that changes with every fork of any process that shares a table with this one.
pub(crate) fn generation() -> u32 {
    let generations = (0..TABLES.len()).filter_map(table).map(|table| table.generation.load(SeqCst));
    generations.fold(0, u32::wrapping_add)
}

/// Returns the processes that this one has forked and that were not reaped.
pub(crate) fn own_children() -> impl Iterator<Item = i32> {
    where_entry(|entry| entry.parent.load(SeqCst) == me())
}

/// Returns the processes of [`own_children`] whose ends were not seen yet.
pub(crate) fn living_children() -> impl Iterator<Item = i32> {
    where_entry(|entry| entry.parent.load(SeqCst) == me() && !entry.ended.load(SeqCst))
}

/// Whether a child has ended and was not reaped.
pub(crate) fn has_ended_child() -> bool {
    where_entry(|entry| entry.parent.load(SeqCst) == me() && entry.ended.load(SeqCst)).next().is_some()
}

/// Returns the processes in this process's own table that others have forked.
pub(crate) fn descendants() -> impl Iterator<Item = i32> {
    let me = me();
    where_entry(|entry| entry.parent.load(SeqCst) != self::me()).filter(move |&pid| pid != me)
}

fn where_entry(is_wanted: impl Fn(&ProcessEntry) -> bool) -> impl Iterator<Item = i32> {
    let entries = table(0).into_iter().flat_map(entries);
    entries.filter(move |entry| is_wanted(entry)).map(|entry| entry.pid.load(SeqCst))
}

/// Whether a process whose end the kernel reports to this one is an orphan, which the server has not forked here.
pub(crate) fn is_orphan(pid: i32) -> bool {
    descendants().any(|descendant| descendant == pid)
}

/// Begins the next iteration.
pub(crate) fn begin_iteration() {
    if let Some(table) = table(0) {
        table.iteration.fetch_add(1, SeqCst);
    }
}

/// Whether a process was forked in the current iteration, by this process or one that descends from it.
pub(crate) fn is_new(pid: i32) -> bool {
    table(0).is_some_and(|table| {
        let iteration = table.iteration.load(SeqCst);
        let is_it =
            |entry: &ProcessEntry| entry.pid.load(SeqCst) == pid && entry.iteration.load(SeqCst) == iteration;
        entries(table).any(is_it)
    })
}
