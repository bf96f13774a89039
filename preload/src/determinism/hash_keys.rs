//! Keys of Rust's `RandomState`, by which maps are walked in an order of their own. std draws them once in a thread, and
//! counts one of them up for each map that the thread makes: so the order depends on how many there were before, and no
//! hook sees it. But the variable has a symbol, unless the executable is stripped.
//!
//! With fixed randomness, a thread begins every iteration with the keys that it had when the first counted one began.
//! One that had none then draws them anew, from the same stream.

use std::cell::Cell;
use std::ffi::{c_uint, c_void};
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering::SeqCst};

use sockfuzz_protocol::HASH_KEYS_SYMBOL;

use crate::sys::report;
use crate::sys::symbols::{self, ThreadVariable};

/// How std draws keys (library/std/src/sys/random/linux.rs): length and flags of getrandom(2).
const DRAW: (usize, c_uint) = (16, libc::GRND_INSECURE);

/// Threads whose keys are restored; further ones go on counting.
const MAX_THREADS: usize = 64;

/// Most words that the variable has: two keys, and whether there are any.
const MAX_WORDS: usize = 4;

const WORD_BYTES: usize = size_of::<u64>();

static VARIABLE: OnceLock<HashKeys> = OnceLock::new();
static THREADS: [ThreadKeys; MAX_THREADS] = [const { ThreadKeys::new() }; MAX_THREADS];
static SAVED: AtomicBool = AtomicBool::new(false);

thread_local! {
    static IS_REGISTERED: Cell<bool> = const { Cell::new(false) };
}

/// The variable, and what tells of a thread's end.
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
    /// What it was when the first counted iteration began. Zeroes: the thread has no keys.
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
    // SAFETY: the key lives on this stack; the function has the type of a destructor.
    if unsafe { libc::pthread_key_create(&mut at_exit, Some(forget)) } == 0 {
        let _ = VARIABLE.set(HashKeys { offset, words: len / WORD_BYTES, at_exit });
    }
}

/// The calling thread draws `len` random bytes with `flags`: its keys, perhaps.
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

/// The first counted iteration is about to begin.
pub(crate) fn save() {
    if let Some(variable) = VARIABLE.get() {
        THREADS.iter().for_each(|thread| {
            thread.copy(variable.words, |saved, word| saved.store(word.load(SeqCst), SeqCst))
        });
        SAVED.store(true, SeqCst);
    }
}

/// Restores the keys. To be called while no thread of the server's runs.
pub(crate) fn restore() {
    if let Some(variable) = VARIABLE.get().filter(|_| SAVED.load(SeqCst)) {
        THREADS.iter().for_each(|thread| {
            thread.copy(variable.words, |saved, word| word.store(saved.load(SeqCst), SeqCst))
        });
    }
}

/// In a forked child: the other threads do not exist.
pub(crate) fn reset_after_fork() {
    let Some(variable) = VARIABLE.get() else { return };
    // SAFETY: the key was made, and is never deleted.
    let own = unsafe { libc::pthread_getspecific(variable.at_exit) };
    THREADS.iter().filter(|thread| ptr::from_ref(*thread).addr() != own.addr()).for_each(ThreadKeys::clear);
}

/// A thread ends whose keys were restored.
unsafe extern "C" fn forget(thread: *mut c_void) {
    // SAFETY: what `register` has set: a place of `THREADS`.
    unsafe { &*thread.cast::<ThreadKeys>() }.clear();
}

impl HashKeys {
    fn register(&self) {
        let Some(block) = symbols::thread_block() else { return };
        // SAFETY: the variable lies within the block, by the executable's symbol table.
        let variable = unsafe { block.as_ptr().add(self.offset) }.cast::<AtomicU64>();
        if !variable.is_aligned() {
            return;
        }
        let is_free = |thread: &&ThreadKeys| {
            thread.variable.compare_exchange(ptr::null_mut(), variable, SeqCst, SeqCst).is_ok()
        };
        let Some(thread) = THREADS.iter().find(is_free) else { return };
        // SAFETY: the key was made, and is never deleted.
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
            // SAFETY: a thread's variable has so many words, is aligned for them, and lives until the thread has
            // called `forget`: it ends by pthread_exit(3) or a return, like all threads of Rust's std. While it sleeps it
            // does not use them.
            let variable = unsafe { std::slice::from_raw_parts(variable, words) };
            self.saved.iter().zip(variable).for_each(|(saved, word)| copy(saved, word));
        }
    }

    fn clear(&self) {
        self.saved.iter().for_each(|word| word.store(0, SeqCst));
        self.variable.store(ptr::null_mut(), SeqCst);
    }
}
