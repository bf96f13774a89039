//! rt_sigaction(2), past libc: that has a restorer of its own, and refuses the signals that it keeps for itself.

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
            // SAFETY: the kernel's set is the first word of libc's.
            mask: unsafe { (&raw const action.sa_mask).cast::<u64>().read() },
        }
    }

    pub(crate) fn to_libc(self) -> libc::sigaction {
        // SAFETY: all zeroes is an action; the kernel's set is the first word of libc's; a restorer is null, or the
        // address of a function.
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

/// Sets the action of a signal, and tells the one before.
///
/// # Errors
/// Those of rt_sigaction(2).
pub(crate) fn exchange(
    number: c_int,
    new: Option<&KernelAction>,
    old: Option<&mut KernelAction>,
) -> Result<(), Errno> {
    // SAFETY: both are null or valid actions.
    let result = unsafe {
        let new = new.map_or(ptr::null(), ptr::from_ref);
        let old = old.map_or(ptr::null_mut(), ptr::from_mut);
        syscall!(Sysno::rt_sigaction, number, new, old, size_of::<u64>())
    };
    result.map(drop).map_err(|error| Errno::from_raw_os_error(error.into_raw()))
}

/// The same in the form of libc's function.
///
/// # Safety
/// Both pointers are null or point at actions.
pub(crate) unsafe fn sigaction(
    number: c_int,
    new: *const libc::sigaction,
    old: *mut libc::sigaction,
) -> c_int {
    let mut before = KernelAction::DEFAULT;
    // SAFETY: given by the caller.
    let new = unsafe { new.as_ref() }.map(KernelAction::from_libc);
    match exchange(number, new.as_ref(), Some(&mut before)) {
        Ok(()) => {
            // SAFETY: given by the caller.
            if let Some(old) = unsafe { old.as_mut() } {
                *old = before.to_libc();
            }
            0
        }
        Err(error) => errno::fail(error),
    }
}
