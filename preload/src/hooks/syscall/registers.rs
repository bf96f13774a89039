//! Arguments and results of system calls in registers.

use std::ffi::c_long;
use std::ptr;

/// What fits into a register of a system call. A narrow one fills its lower half only.
pub(super) trait Register {
    fn into(register: usize) -> Self;
}

/// What a system call gives back.
pub(super) trait Outcome {
    fn into_register(self) -> c_long;
}

macro_rules! registers {
    ($($type:ty),*) => {
        $(
            impl Register for $type {
                fn into(register: usize) -> Self {
                    register as $type
                }
            }

            impl Outcome for $type {
                fn into_register(self) -> c_long {
                    self as c_long
                }
            }
        )*
    };
}

registers!(i32, u32, i64, u64, isize, usize);

impl<T> Register for *const T {
    fn into(register: usize) -> Self {
        ptr::with_exposed_provenance(register)
    }
}

impl<T> Register for *mut T {
    fn into(register: usize) -> Self {
        ptr::with_exposed_provenance_mut(register)
    }
}
