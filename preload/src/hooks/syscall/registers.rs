//! Conversion of arguments and results of system calls from and to registers.

use std::ffi::c_long;
use std::ptr;

/// Argument of a system call, which fits into a register. A 32-bit one uses only the lower half.
pub(super) trait Register {
    fn into(register: usize) -> Self;
}

/// Result of a system call.
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
