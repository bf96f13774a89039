//! dprintf(3) and its variants: libc writes their output by a system call that bypasses the hooks. So a
//! virtual connection becomes real first.

use std::ffi::{c_char, c_int, c_void};

use crate::memory_socket;
use crate::sys::{fd_table, real};

/// vdprintf(3), whose `va_list` is passed as a pointer (System V ABI, AAPCS64).
pub(crate) unsafe fn vdprintf(fd: c_int, format: *const c_char, arguments: *mut c_void) -> c_int {
    make_real(fd);
    // SAFETY: the caller upholds the contract of vdprintf(3); the arguments are unchanged.
    unsafe { real::vdprintf(fd, format, arguments) }
}

/// Fortified variant of vdprintf(3).
pub(crate) unsafe fn vdprintf_chk(
    fd: c_int,
    flag: c_int,
    format: *const c_char,
    arguments: *mut c_void,
) -> c_int {
    make_real(fd);
    // SAFETY: the caller upholds the contract of vdprintf(3); the arguments are unchanged.
    unsafe { real::__vdprintf_chk(fd, flag, format, arguments) }
}

fn make_real(fd: c_int) {
    if fd_table::is_virtual(fd) {
        memory_socket::fall_back("it prints to a connection with dprintf");
    }
}

/// Variadic functions, which Rust cannot define yet. They do not access their arguments: they preserve
/// every register that may hold one, and jump to the real function.
#[cfg(all(target_arch = "x86_64", not(test)))]
mod variadic {
    use std::arch::naked_asm;
    use std::ffi::{c_int, c_void};

    use crate::sys::next_symbol::NextSymbol;

    macro_rules! pass_on {
        ($name:ident, $before:ident, $real:literal) => {
            #[doc = concat!("Replaces libc's `", stringify!($name), "`.")]
            #[unsafe(no_mangle)]
            #[unsafe(naked)]
            unsafe extern "C" fn $name() {
                naked_asm!(
                    "push rdi",
                    "push rsi",
                    "push rdx",
                    "push rcx",
                    "push r8",
                    "push r9",
                    "push rax",
                    "sub rsp, 128",
                    "movups [rsp], xmm0",
                    "movups [rsp + 16], xmm1",
                    "movups [rsp + 32], xmm2",
                    "movups [rsp + 48], xmm3",
                    "movups [rsp + 64], xmm4",
                    "movups [rsp + 80], xmm5",
                    "movups [rsp + 96], xmm6",
                    "movups [rsp + 112], xmm7",
                    "call {before}",
                    "mov r11, rax",
                    "movups xmm0, [rsp]",
                    "movups xmm1, [rsp + 16]",
                    "movups xmm2, [rsp + 32]",
                    "movups xmm3, [rsp + 48]",
                    "movups xmm4, [rsp + 64]",
                    "movups xmm5, [rsp + 80]",
                    "movups xmm6, [rsp + 96]",
                    "movups xmm7, [rsp + 112]",
                    "add rsp, 128",
                    "pop rax",
                    "pop r9",
                    "pop r8",
                    "pop rcx",
                    "pop rdx",
                    "pop rsi",
                    "pop rdi",
                    "jmp r11",
                    before = sym $before,
                )
            }

            /// Makes the connection real, and returns the address of the real function.
            extern "C" fn $before(fd: c_int) -> *mut c_void {
                static NEXT: NextSymbol = NextSymbol::new($real);
                super::make_real(fd);
                NEXT.address()
            }
        };
    }

    pass_on!(dprintf, before_dprintf, c"dprintf");
    pass_on!(__dprintf_chk, before_dprintf_chk, c"__dprintf_chk");
}
