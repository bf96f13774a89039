//! Search for loaded objects that make system calls by an instruction of their own, other than libc
//! and the preload. It scans their code.

use std::ffi::{CStr, c_int, c_long, c_void};
use std::ops::Range;
use std::slice;

use libc::{
    SYS_accept, SYS_accept4, SYS_epoll_pwait, SYS_epoll_pwait2, SYS_epoll_wait, SYS_io_uring_enter,
    SYS_io_uring_setup, SYS_listen, SYS_poll, SYS_ppoll, SYS_pselect6, SYS_select, dl_phdr_info, size_t,
};
use memchr::memmem;

use crate::sys::next_symbol::find_next;

/// Machine code of the instruction `syscall`.
const SYSCALL: &[u8] = &[0x0f, 0x05];

/// Calls by which servers listen, accept and wait.
const WAITING_CALLS: &[c_long] = &[
    SYS_listen,
    SYS_accept,
    SYS_accept4,
    SYS_poll,
    SYS_ppoll,
    SYS_select,
    SYS_pselect6,
    SYS_epoll_wait,
    SYS_epoll_pwait,
    SYS_epoll_pwait2,
    SYS_io_uring_setup,
    SYS_io_uring_enter,
];

/// Maximum distance in bytes from the load of the number to the instruction.
const BEFORE: usize = 64;

/// Functions of the libraries to leave out, whose calls are intercepted, or made on behalf of others: libc itself, and
/// a library that interposes the same names behind this one (a sanitizer's runtime).
const FUNCTIONS_OF_KNOWN_OBJECTS: [&CStr; 4] =
    [c"gnu_get_libc_version", c"pthread_create", c"accept", c"poll"];

/// Whether this code waits or accepts in system calls of its own. The two bytes of the instruction
/// may occur by chance, but hardly so after the load of a matching number.
pub(super) fn waits(code: &[u8]) -> bool {
    memmem::find_iter(code, SYSCALL).any(|end| {
        let before = &code[end.saturating_sub(BEFORE)..end];
        (0..before.len())
            .filter_map(|at| loaded_number(&before[at..]))
            .any(|number| WAITING_CALLS.contains(&number))
    })
}

/// Whether this code contains the bytes of the instruction, and so may make any system calls of its own.
pub(super) fn has_calls(code: &[u8]) -> bool {
    memmem::find(code, SYSCALL).is_some()
}

/// Number that the code loads into `rax`, the register for the number of a system call, by `mov eax, N`, or by `push N`
/// and `pop rax`.
fn loaded_number(code: &[u8]) -> Option<c_long> {
    match *code {
        [0xb8, a, b, c, d, ..] => Some(u32::from_le_bytes([a, b, c, d]).into()),
        [0x6a, number, 0x58, ..] => Some(number.into()),
        _ => None,
    }
}

/// Address ranges of the code that `qualify` accepts, over all objects.
pub(super) fn code_of(qualify: fn(&[u8]) -> bool) -> Vec<Range<u64>> {
    let mut search = Search { qualify, seen: seen(), found: Vec::new() };
    // SAFETY: `look` gets a pointer to `search`, which outlives the call, and expects one.
    unsafe { libc::dl_iterate_phdr(Some(look), (&raw mut search).cast()) };
    search.found
}

struct Search {
    qualify: fn(&[u8]) -> bool,
    /// Addresses in objects to leave out.
    seen: Vec<u64>,
    found: Vec<Range<u64>>,
}

fn seen() -> Vec<u64> {
    // SAFETY: getauxval(3) takes a number and has no precondition.
    let told = [libc::AT_BASE, libc::AT_SYSINFO_EHDR].map(|key| unsafe { libc::getauxval(key) });
    let functions =
        FUNCTIONS_OF_KNOWN_OBJECTS.iter().filter_map(|name| find_next(name)).map(|address| address as u64);
    functions.chain(told).chain([look as *const () as u64]).collect()
}

unsafe extern "C" fn look(info: *mut dl_phdr_info, _: size_t, search: *mut c_void) -> c_int {
    // SAFETY: the loader passes a valid `info` and the pointer to the search; segments are mapped as their headers say.
    unsafe {
        let (info, search) = (&*info, &mut *search.cast::<Search>());
        let headers = slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into());
        let segments = headers.iter().filter(|header| header.p_type == libc::PT_LOAD);
        let place = |header: &libc::Elf64_Phdr| {
            let start = info.dlpi_addr + header.p_vaddr;
            start..start + header.p_memsz
        };
        if segments.clone().map(place).any(|place| search.seen.iter().any(|address| place.contains(address)))
        {
            return 0;
        }
        let readable_code = libc::PF_R | libc::PF_X;
        for place in segments.filter(|header| header.p_flags & readable_code == readable_code).map(place) {
            let len = (place.end - place.start) as usize;
            if (search.qualify)(slice::from_raw_parts(place.start as *const u8, len)) {
                search.found.push(place);
            }
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Code of a system call: `mov eax, NUMBER`, a few instructions without effect, `syscall`.
    fn call(number: c_long) -> Vec<u8> {
        [&[0xb8][..], &(number as u32).to_le_bytes(), &[0x90; 9], SYSCALL].concat()
    }

    #[test]
    fn a_wait_is_recognised_by_its_number() {
        assert!(waits(&call(SYS_epoll_pwait)));
        assert!(waits(&[0x6a, SYS_poll as u8, 0x58, 0x90, 0x0f, 0x05]));
        assert!(!waits(&call(libc::SYS_getpid)));
        assert!(has_calls(&call(libc::SYS_getpid)));
        assert!(!has_calls(&call(libc::SYS_getpid)[..14]));
        assert!(!waits(
            &[call(SYS_epoll_pwait)[..14].to_vec(), vec![0x90; BEFORE], SYSCALL.to_vec()].concat()
        ));
    }

    #[test]
    fn libc_and_this_object_are_left_out() {
        let here = look as *const () as u64;
        let libc = find_next(c"accept").expect("libc has accept") as u64;
        let found = code_of(|_| true);
        assert!(found.iter().all(|place| !place.contains(&here) && !place.contains(&libc)));
    }
}
