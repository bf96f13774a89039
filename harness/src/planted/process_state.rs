//! Planted bugs that need several inputs of one process: each leaves something behind.

use std::alloc::{Layout, alloc, dealloc};
use std::ptr;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use crate::http::Request;

/// Number of locks that a process grants.
const LOCKS: usize = 2;

/// Number of senders that a process remembers.
const SENDERS: usize = 32;

/// Advance of the counter of character sets, which wraps after 32 of them.
const CHARSET_STEP: u8 = 8;

/// Delay of the thread that crashes.
const DELAY: Duration = Duration::from_millis(20);

/// Runs bugs 15 to 20 on a request.
pub(super) fn visit(request: &Request) {
    lock(request);
    cached_location(request);
    timeout(request);
    digest(request);
    sender(request);
    charset(request);
}

fn has(request: &Request, name: &str) -> bool {
    request.headers().first(name).is_some()
}

/// Bug 15.
fn lock(request: &Request) {
    static GRANTED: AtomicUsize = AtomicUsize::new(0);
    if request.method() == "LOCK" {
        assert!(GRANTED.fetch_add(1, SeqCst) < LOCKS, "planted bug 15: a third lock");
    }
}

/// Bug 16.
fn cached_location(request: &Request) {
    static IS_POISONED: AtomicBool = AtomicBool::new(false);
    if has(request, "If") {
        assert!(!IS_POISONED.load(SeqCst), "planted bug 16: the cached location is another client's");
    }
    if has(request, "Content-Location") {
        IS_POISONED.store(true, SeqCst);
    }
}

/// Bug 17.
fn timeout(request: &Request) {
    if has(request, "Timeout") {
        thread::spawn(|| {
            thread::sleep(DELAY);
            // SAFETY: none: this is the planted bug.
            unsafe { ptr::without_provenance_mut::<u8>(17).write_volatile(17) };
        });
    }
}

/// Bug 18.
fn digest(request: &Request) {
    static FREED: AtomicPtr<u8> = AtomicPtr::new(ptr::null_mut());
    let layout = Layout::new::<[u8; 1000]>();
    let freed = FREED.swap(ptr::null_mut(), SeqCst);
    if !freed.is_null() {
        eprintln!("planted bug 18: freed twice");
        // SAFETY: none: this is the planted bug.
        unsafe { dealloc(freed, layout) };
        // An allocator may not detect it.
        std::process::abort();
    }
    if has(request, "Content-MD5") {
        // SAFETY: the layout has a size. (The block is freed here, and kept.)
        unsafe {
            let block = alloc(layout);
            dealloc(block, layout);
            FREED.store(block, SeqCst);
        }
    }
}

/// Bug 19.
fn sender(request: &Request) {
    static SENDERS_SEEN: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());
    if let Some(sender) = request.headers().first("From") {
        let mut seen = SENDERS_SEEN.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(seen.len() < SENDERS, "planted bug 19: no room for another sender");
        seen.push(sender.to_vec());
    }
}

/// Bug 20.
fn charset(request: &Request) {
    static SEEN: AtomicU8 = AtomicU8::new(0);
    if has(request, "Accept-Charset") {
        let seen = SEEN.fetch_add(CHARSET_STEP, SeqCst).wrapping_add(CHARSET_STEP);
        assert_ne!(seen, 0, "planted bug 20: the counter has wrapped");
    }
}
