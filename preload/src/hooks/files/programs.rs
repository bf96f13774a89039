//! Programs that take the place of this one (execve(2)), and files of those that posix_spawn(3) starts.

use libc::{c_char, c_int, c_void, mode_t};

use super::follow_paths;
use crate::sys::{real, relocation};

/// Arguments or environment of a program.
type Strings = *const *mut c_char;

follow_paths! {
    [path] fn execve(path: *const c_char, arguments: Strings, environment: Strings) -> c_int;
    [path] fn execv(path: *const c_char, arguments: Strings) -> c_int;
    /// A name without a slash is not translated: libc looks for it in PATH.
    [file] fn execvp(file: *const c_char, arguments: Strings) -> c_int;
    [file] fn execvpe(file: *const c_char, arguments: Strings, environment: Strings) -> c_int;
}

pub(crate) unsafe fn spawn_open(
    actions: *mut c_void,
    fd: c_int,
    path: *const c_char,
    flags: c_int,
    mode: mode_t,
) -> c_int {
    // SAFETY: the caller upholds the contract of posix_spawn_file_actions_addopen(3), which copies the path.
    unsafe {
        relocation::follow_with_number(path, |path| {
            real::posix_spawn_file_actions_addopen(actions, fd, path, flags, mode)
        })
    }
}

pub(crate) unsafe fn spawn_chdir(actions: *mut c_void, path: *const c_char) -> c_int {
    // SAFETY: the caller upholds the contract of posix_spawn_file_actions_addchdir_np(3), which copies the path.
    unsafe {
        relocation::follow_with_number(path, |path| real::posix_spawn_file_actions_addchdir_np(actions, path))
    }
}

/// Variadic functions, which Rust cannot define yet. They put the arguments that are in registers in front of those on
/// the stack: this is the array that the functions above take.
#[cfg(not(test))]
mod variadic {
    use std::arch::naked_asm;

    use super::{Strings, c_char, c_int};

    macro_rules! gather {
        ($name:ident, $hook:path) => {
            #[doc = concat!("Replaces libc's `", stringify!($name), "`.")]
            #[unsafe(no_mangle)]
            #[unsafe(naked)]
            unsafe extern "C" fn $name() {
                #[cfg(target_arch = "x86_64")]
                naked_asm!(
                    // The array takes the place of the return address, next to the arguments on the stack.
                    "pop rax",
                    "push r9",
                    "push r8",
                    "push rcx",
                    "push rdx",
                    "push rsi",
                    "mov rsi, rsp",
                    "push rax",
                    "call {hook}",
                    "pop rcx",
                    "add rsp, 40",
                    "push rcx",
                    "ret",
                    hook = sym $hook,
                );
                #[cfg(target_arch = "aarch64")]
                naked_asm!(
                    "sub sp, sp, #64",
                    "str x30, [sp]",
                    "str x1, [sp, #8]",
                    "stp x2, x3, [sp, #16]",
                    "stp x4, x5, [sp, #32]",
                    "stp x6, x7, [sp, #48]",
                    "add x1, sp, #8",
                    "bl {hook}",
                    "ldr x30, [sp]",
                    "add sp, sp, #64",
                    "ret",
                    hook = sym $hook,
                );
            }
        };
    }

    gather!(execl, gathered_execl);
    gather!(execlp, gathered_execlp);
    gather!(execle, gathered_execle);

    unsafe extern "C" fn gathered_execl(path: *const c_char, arguments: Strings) -> c_int {
        // SAFETY: the caller of execl(3) upholds its contract, so the array ends with a null pointer.
        unsafe { super::execv(path, arguments) }
    }

    unsafe extern "C" fn gathered_execlp(file: *const c_char, arguments: Strings) -> c_int {
        // SAFETY: the caller of execlp(3) upholds its contract, so the array ends with a null pointer.
        unsafe { super::execvp(file, arguments) }
    }

    unsafe extern "C" fn gathered_execle(path: *const c_char, arguments: Strings) -> c_int {
        // SAFETY: the caller of execle(3) upholds its contract: the null pointer that ends the array is followed by the
        // address of the environment.
        unsafe {
            let end = (0..).find(|&index| (*arguments.add(index)).is_null()).unwrap_or_default();
            super::execve(path, arguments, (*arguments.add(end + 1)).cast())
        }
    }
}
