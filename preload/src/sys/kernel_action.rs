//! rt_sigaction(2) without libc, which sets a restorer of its own, and refuses the signals that it reserves.

use std::ptr;

use libc::c_int;
use rustix::io::Errno;
use syscalls::{Sysno, syscall};

use super::errno;

/// The kernel's `struct sigaction`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(crate) struct KernelAction {
    pub(crate) handler: usize,
    flags: u64,
    restorer: usize,
    mask: u64,
}

impl KernelAction {
    pub(crate) const DEFAULT: Self = Self { handler: libc::SIG_DFL, flags: 0, restorer: 0, mask: 0 };

    pub(crate) fn from_libc(action: &libc::sigaction) -> Self {
        Self {
            handler: action.sa_sigaction,
            flags: action.sa_flags.cast_unsigned().into(),
            restorer: action.sa_restorer.map_or(0, |restorer| restorer as usize),
            // SAFETY: `sa_mask` is initialised, and its first word is the kernel's set.
            mask: unsafe { (&raw const action.sa_mask).cast::<u64>().read() },
        }
    }

    pub(crate) fn to_libc(self) -> libc::sigaction {
        // SAFETY: all zeroes is a valid `sigaction`; the kernel's set is the first word of `sa_mask`; the restorer is
        // null or the address of a function.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = self.handler;
            action.sa_flags = (self.flags as u32).cast_signed();
            action.sa_restorer = std::mem::transmute::<usize, Option<extern "C" fn()>>(self.restorer);
            (&raw mut action.sa_mask).cast::<u64>().write(self.mask);
            action
        }
    }
}

/// Sets the action of a signal to `new`, if given, and stores the former one in `old`.
///
/// # Errors
/// Those of rt_sigaction(2).
pub(crate) fn exchange(
    number: c_int,
    new: Option<&KernelAction>,
    old: Option<&mut KernelAction>,
) -> Result<(), Errno> {
    // SAFETY: both pointers are null or point at actions in the kernel's layout, whose set has the size that is passed.
    let result = unsafe {
        let new = new.map_or(ptr::null(), ptr::from_ref);
        let old = old.map_or(ptr::null_mut(), ptr::from_mut);
        syscall!(Sysno::rt_sigaction, number, new, old, size_of::<u64>())
    };
    result.map(drop).map_err(|error| Errno::from_raw_os_error(error.into_raw()))
}

/// [`exchange()`] with the signature of libc's sigaction(2).
///
/// # Safety
/// Both pointers are null or point at actions.
pub(crate) unsafe fn sigaction(
    number: c_int,
    new: *const libc::sigaction,
    old: *mut libc::sigaction,
) -> c_int {
    let mut before = KernelAction::DEFAULT;
    // SAFETY: the caller guarantees that `new` is null or points at an action.
    let new = unsafe { new.as_ref() }.map(KernelAction::from_libc);
    match exchange(number, new.as_ref(), Some(&mut before)) {
        Ok(()) => {
            // SAFETY: the caller guarantees that `old` is null or points at an action.
            if let Some(old) = unsafe { old.as_mut() } {
                *old = before.to_libc();
            }
            0
        }
        Err(error) => errno::fail(error),
    }
}
