//! dlopen(3) and dlmopen(3). They look for a name without a slash where their caller's own file says (DT_RUNPATH), and
//! they know the caller by the return address. So the hooks jump to the real function, unless the path is translated:
//! then the caller does not matter, because the path is absolute.

#[cfg(not(test))]
mod jumping {
    use std::arch::naked_asm;
    use std::ffi::{c_char, c_int, c_long, c_void};
    use std::ptr;

    use crate::sys::next_symbol::NextSymbol;
    use crate::sys::relocation;

    static DLOPEN: NextSymbol = NextSymbol::new(c"dlopen");
    static DLMOPEN: NextSymbol = NextSymbol::new(c"dlmopen");

    macro_rules! jump {
        ($name:ident, $choose:ident) => {
            #[doc = concat!("Replaces libc's `", stringify!($name), "`.")]
            #[unsafe(no_mangle)]
            #[unsafe(naked)]
            unsafe extern "C" fn $name() {
                #[cfg(target_arch = "x86_64")]
                naked_asm!(
                    "push rdi",
                    "push rsi",
                    "push rdx",
                    "call {choose}",
                    "pop rdx",
                    "pop rsi",
                    "pop rdi",
                    "jmp rax",
                    choose = sym $choose,
                );
                #[cfg(target_arch = "aarch64")]
                naked_asm!(
                    "stp x0, x1, [sp, #-32]!",
                    "stp x2, x30, [sp, #16]",
                    "bl {choose}",
                    "mov x16, x0",
                    "ldp x2, x30, [sp, #16]",
                    "ldp x0, x1, [sp], #32",
                    "br x16",
                    choose = sym $choose,
                );
            }
        };
    }

    jump!(dlopen, for_dlopen);
    jump!(dlmopen, for_dlmopen);

    type Dlopen = unsafe extern "C" fn(*const c_char, c_int) -> *mut c_void;
    type Dlmopen = unsafe extern "C" fn(c_long, *const c_char, c_int) -> *mut c_void;

    /// Returns the address of the function to jump to.
    unsafe extern "C" fn for_dlopen(path: *const c_char) -> *mut c_void {
        // SAFETY: the caller of dlopen(3) upholds its contract, so nobody changes the path.
        match unsafe { is_moved(path) } {
            true => open_moved as Dlopen as *mut c_void,
            false => DLOPEN.address(),
        }
    }

    /// Returns the address of the function to jump to.
    unsafe extern "C" fn for_dlmopen(_: c_long, path: *const c_char) -> *mut c_void {
        // SAFETY: the caller of dlmopen(3) upholds its contract, so nobody changes the path.
        match unsafe { is_moved(path) } {
            true => open_moved_in as Dlmopen as *mut c_void,
            false => DLMOPEN.address(),
        }
    }

    /// # Safety
    /// Nobody changes the path during the call.
    unsafe fn is_moved(path: *const c_char) -> bool {
        // SAFETY: nobody changes the path, by this function's contract.
        unsafe { relocation::follow(path, |place| c_int::from(ptr::eq(place, path))) != 1 }
    }

    unsafe extern "C" fn open_moved(path: *const c_char, mode: c_int) -> *mut c_void {
        // SAFETY: the symbol has this type, and the caller of dlopen(3) upholds its contract.
        unsafe {
            let real = std::mem::transmute::<*mut c_void, Dlopen>(DLOPEN.address());
            relocation::follow(path, |path| real(path, mode))
        }
    }

    unsafe extern "C" fn open_moved_in(namespace: c_long, path: *const c_char, mode: c_int) -> *mut c_void {
        // SAFETY: the symbol has this type, and the caller of dlmopen(3) upholds its contract.
        unsafe {
            let real = std::mem::transmute::<*mut c_void, Dlmopen>(DLMOPEN.address());
            relocation::follow(path, |path| real(namespace, path, mode))
        }
    }
}
