//! System V shared memory that AFL++ has made: its number is in the environment.

use std::env;
use std::mem::MaybeUninit;
use std::ptr;

use libc::{c_int, c_void};

use crate::sys::real;

/// Attaches the memory whose number the variable tells; its number and address. It stays attached.
pub(super) fn attach(variable: &str) -> Option<(c_int, *mut c_void)> {
    let number = id_in(variable)?;
    // SAFETY: a new mapping at an address of the kernel's choice.
    let address = unsafe { real::shmat(number, ptr::null(), 0) };
    (address.addr() != usize::MAX).then_some((number, address))
}

/// The number that the variable tells.
pub(super) fn id_in(variable: &str) -> Option<c_int> {
    env::var(variable).ok()?.parse().ok()
}

/// Its length in bytes.
pub(super) fn size_of(number: c_int) -> Option<usize> {
    let mut found = MaybeUninit::uninit();
    // SAFETY: the kernel fills in what it is given the address of (shmctl(2)).
    unsafe {
        let failed = libc::shmctl(number, libc::IPC_STAT, found.as_mut_ptr());
        (failed == 0).then(|| found.assume_init().shm_segsz)
    }
}
