//! Atomics: those of the standard library, or loom's. All accesses are sequentially consistent.

#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};

#[cfg(loom)]
pub(crate) use explored::{AtomicBool, AtomicU32, SeqCst};

/// Defines a constructor, which is `const` unless the atomics are loom's.
macro_rules! constructor {
    ($(#[$attribute:meta])* pub fn $name:ident($($arg:ident: $type:ty),*) -> Self $body:block) => {
        $(#[$attribute])*
        #[cfg(not(loom))]
        pub const fn $name($($arg: $type),*) -> Self $body

        $(#[$attribute])*
        #[cfg(loom)]
        pub fn $name($($arg: $type),*) -> Self $body
    };
}

pub(crate) use constructor;

/// Decrements a counter; returns `false` if it is 0.
pub(crate) fn take_one(counter: &AtomicU32) -> bool {
    let mut count = counter.load(SeqCst);
    while let Some(less) = count.checked_sub(1) {
        match counter.compare_exchange(count, less, SeqCst, SeqCst) {
            Ok(_) => return true,
            Err(now) => count = now,
        }
    }
    false
}

/// Atomics for loom. loom gives a sequentially consistent load or store no more than acquire and release semantics, and
/// would report lost wake-ups that cannot occur. A read-modify-write operation reads the newest value. If every access
/// is one, loom explores exactly the sequentially consistent interleavings.
#[cfg(loom)]
mod explored {
    use loom::sync::atomic as loom_atomic;
    pub(crate) use loom::sync::atomic::Ordering::{self, SeqCst};

    macro_rules! wrap {
        ($name:ident, $value:ty) => {
            #[derive(Debug)]
            pub(crate) struct $name(loom_atomic::$name);

            impl $name {
                pub(crate) fn new(value: $value) -> Self {
                    Self(loom_atomic::$name::new(value))
                }

                pub(crate) fn store(&self, value: $value, order: Ordering) {
                    self.0.swap(value, order);
                }

                pub(crate) fn compare_exchange(
                    &self,
                    before: $value,
                    after: $value,
                    success: Ordering,
                    failure: Ordering,
                ) -> Result<$value, $value> {
                    self.0.compare_exchange(before, after, success, failure)
                }
            }
        };
    }

    wrap!(AtomicBool, bool);
    wrap!(AtomicU32, u32);

    impl AtomicBool {
        pub(crate) fn load(&self, order: Ordering) -> bool {
            self.0.fetch_or(false, order)
        }

        pub(crate) fn swap(&self, value: bool, order: Ordering) -> bool {
            self.0.swap(value, order)
        }
    }

    impl AtomicU32 {
        pub(crate) fn load(&self, order: Ordering) -> u32 {
            self.0.fetch_or(0, order)
        }

        pub(crate) fn fetch_add(&self, value: u32, order: Ordering) -> u32 {
            self.0.fetch_add(value, order)
        }

        pub(crate) fn fetch_sub(&self, value: u32, order: Ordering) -> u32 {
            self.0.fetch_sub(value, order)
        }
    }
}
