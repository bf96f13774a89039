//! Work of the preload during which a library that it uses may call a hooked function: the hook then passes the call on.

use std::cell::Cell;

thread_local! {
    static IS_OWN: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` as work of the preload.
pub(crate) fn run<R>(work: impl FnOnce() -> R) -> R {
    let before = IS_OWN.replace(true);
    let result = work();
    IS_OWN.set(before);
    result
}

/// Whether the calling thread does work of the preload.
pub(crate) fn is_current() -> bool {
    IS_OWN.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_ends_and_nests() {
        run(|| {
            run(|| assert!(is_current()));
            assert!(is_current());
        });
        assert!(!is_current());
    }
}
