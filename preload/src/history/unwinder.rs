//! Frames of the calling thread's stack, by the unwinder that the process has anyway. It goes through frames of signal
//! handlers, too, to what these have interrupted.

use std::ffi::{c_int, c_void};

/// Results of a callback of the unwinder (unwind.h: _URC_NO_REASON, _URC_NORMAL_STOP).
const GO_ON: c_int = 0;
const STOP: c_int = 4;

unsafe extern "C-unwind" {
    fn _Unwind_Backtrace(
        each: extern "C-unwind" fn(*mut c_void, *mut c_void) -> c_int,
        argument: *mut c_void,
    ) -> c_int;
    fn _Unwind_GetIP(frame: *mut c_void) -> usize;
}

/// Calls `action` with the address of each frame, the innermost first, until it returns `false`.
pub(super) fn for_each_frame<F: FnMut(usize) -> bool>(mut action: F) {
    extern "C-unwind" fn each<F: FnMut(usize) -> bool>(frame: *mut c_void, action: *mut c_void) -> c_int {
        // SAFETY: the unwinder passes a valid frame, and the argument is the action below.
        let (action, address) = unsafe { (&mut *action.cast::<F>(), _Unwind_GetIP(frame)) };
        if action(address) { GO_ON } else { STOP }
    }
    // SAFETY: the callback has the required type, and casts the argument to the type that is passed here.
    unsafe { _Unwind_Backtrace(each::<F>, (&raw mut action).cast()) };
}
