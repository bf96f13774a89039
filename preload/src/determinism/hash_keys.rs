//! Keys of Rust's `RandomState`, which determine the iteration order of a map. std draws them once per thread, and
//! increments one of them for each map that the thread creates. So the order depends on the number of earlier maps,
//! which no hook sees. But the variable has a symbol, unless the executable is stripped.
//!
//! With fixed randomness, a thread begins every iteration with the keys that it had at the start of the first counted
//! one. A thread that had none at that time draws them again, from the same stream.

use std::cell::Cell;
use std::ffi::{c_uint, c_void};
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering::SeqCst};

use sockfuzz_protocol::HASH_KEYS_SYMBOL;

use crate::sys::report;
use crate::sys::symbols::{self, ThreadVariable};

/// Length and flags of getrandom(2) by which std draws keys (library/std/src/sys/random/linux.rs).
const DRAW: (usize, c_uint) = (16, libc::GRND_INSECURE);

/// Number of threads whose keys are restored; the keys of further threads are not.
const MAX_THREADS: usize = 64;

/// Maximum number of words of the variable: two keys, and whether there are any.
const MAX_WORDS: usize = 4;

const WORD_BYTES: usize = size_of::<u64>();

static VARIABLE: OnceLock<HashKeys> = OnceLock::new();
static THREADS: [ThreadKeys; MAX_THREADS] = [const { ThreadKeys::new() }; MAX_THREADS];
static SAVED: AtomicBool = AtomicBool::new(false);

thread_local! {
    static IS_REGISTERED: Cell<bool> = const { Cell::new(false) };
}

/// Place of the variable, and the key whose destructor runs at the end of a thread.
#[derive(Debug)]
struct HashKeys {
    offset: usize,
    words: usize,
    at_exit: libc::pthread_key_t,
}

/// Keys of one thread.
#[derive(Debug)]
struct ThreadKeys {
    /// The thread's variable; null in a free place.
    variable: AtomicPtr<AtomicU64>,
    /// Value of the variable at the start of the first counted iteration. Zeroes mean that the thread had no keys.
    saved: [AtomicU64; MAX_WORDS],
}

/// Finds the variable. To be called before the server draws keys; without a call, nothing is restored.
pub(crate) fn find() {
    let Some(ThreadVariable { offset, len }) = symbols::find_thread_variable(HASH_KEYS_SYMBOL.as_bytes())
    else {
        return;
    };
    if len % WORD_BYTES != 0 || len > MAX_WORDS * WORD_BYTES {
        return;
    }
    let mut at_exit = 0;
    // SAFETY: the key is written to this stack, and `forget` accepts every value that `register` sets for it.
    if unsafe { libc::pthread_key_create(&mut at_exit, Some(forget)) } == 0 {
        let _ = VARIABLE.set(HashKeys { offset, words: len / WORD_BYTES, at_exit });
    }
}

/// Follows a draw of `len` random bytes with `flags`. If it can be one of keys, records it and registers the calling
/// thread.
pub(crate) fn follow_draw(len: usize, flags: c_uint) {
    if (len, flags) == DRAW {
        report::status().note_hash_keys();
        if let Some(variable) = VARIABLE.get()
            && !IS_REGISTERED.replace(true)
        {
            variable.register();
        }
    }
}

/// Saves the keys, before the first counted iteration.
pub(crate) fn save() {
    if let Some(variable) = VARIABLE.get() {
        THREADS.iter().for_each(|thread| {
            thread.copy(variable.words, |saved, word| saved.store(word.load(SeqCst), SeqCst))
        });
        SAVED.store(true, SeqCst);
    }
}

/// Restores the keys. To be called while no thread of the server runs.
pub(crate) fn restore() {
    if let Some(variable) = VARIABLE.get().filter(|_| SAVED.load(SeqCst)) {
        THREADS.iter().for_each(|thread| {
            thread.copy(variable.words, |saved, word| word.store(saved.load(SeqCst), SeqCst))
        });
    }
}

/// Forgets the other threads in a forked child, where they do not exist.
pub(crate) fn reset_after_fork() {
    let Some(variable) = VARIABLE.get() else { return };
    // SAFETY: the key is valid: `find` has created it, and it is never deleted.
    let own = unsafe { libc::pthread_getspecific(variable.at_exit) };
    THREADS.iter().filter(|thread| ptr::from_ref(*thread).addr() != own.addr()).for_each(ThreadKeys::clear);
}

/// Frees the place of a thread that ends.
unsafe extern "C" fn forget(thread: *mut c_void) {
    // SAFETY: the pointer is the value that `register` has set: the address of a place in the static `THREADS`.
    unsafe { &*thread.cast::<ThreadKeys>() }.clear();
}

impl HashKeys {
    fn register(&self) {
        let Some(block) = symbols::thread_block() else { return };
        // SAFETY: the offset lies within the block: it is that of a variable, by the executable's symbol table.
        let variable = unsafe { block.as_ptr().add(self.offset) }.cast::<AtomicU64>();
        if !variable.is_aligned() {
            return;
        }
        let is_free = |thread: &&ThreadKeys| {
            thread.variable.compare_exchange(ptr::null_mut(), variable, SeqCst, SeqCst).is_ok()
        };
        let Some(thread) = THREADS.iter().find(is_free) else { return };
        // SAFETY: the key is valid: `find` has created it, and it is never deleted.
        if unsafe { libc::pthread_setspecific(self.at_exit, ptr::from_ref(thread).cast()) } != 0 {
            thread.clear();
        }
    }
}

impl ThreadKeys {
    const fn new() -> Self {
        Self { variable: AtomicPtr::new(ptr::null_mut()), saved: [const { AtomicU64::new(0) }; MAX_WORDS] }
    }

    fn copy(&self, words: usize, copy: impl Fn(&AtomicU64, &AtomicU64)) {
        let variable = self.variable.load(SeqCst);
        if !variable.is_null() {
            // SAFETY: the variable has this number of words, is aligned for them, and lives until its thread has called
            // `forget`: like all threads of Rust's std, it ends by pthread_exit(3) or a return. The thread sleeps, so
            // it does not use the words now.
            let variable = unsafe { std::slice::from_raw_parts(variable, words) };
            self.saved.iter().zip(variable).for_each(|(saved, word)| copy(saved, word));
        }
    }

    fn clear(&self) {
        self.saved.iter().for_each(|word| word.store(0, SeqCst));
        self.variable.store(ptr::null_mut(), SeqCst);
    }
}
