//! Seccomp filter (seccomp(2)) that traps calls with certain numbers, made from certain address ranges.

use std::ffi::c_long;
use std::mem::offset_of;
use std::ops::Range;

use libc::{
    BPF_ABS, BPF_JEQ, BPF_JGE, BPF_JGT, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W, SECCOMP_FILTER_FLAG_TSYNC,
    SECCOMP_RET_ALLOW, SECCOMP_RET_TRAP, SECCOMP_SET_MODE_FILTER, seccomp_data, sock_filter, sock_fprog,
};
use rustix::io::Errno;

use crate::sys::{errno, real};

/// The architecture of this process's calls (linux/audit.h: AUDIT_ARCH_X86_64).
const ARCHITECTURE: u32 = 0xc000_003e;

/// Installs the filter, for all threads.
pub(super) fn install(places: &[Range<u64>], numbers: &[c_long], mark: u16) -> Result<(), Errno> {
    let mut program = program(places, numbers, mark);
    let header =
        sock_fprog { len: program.len().try_into().map_err(|_| Errno::INVAL)?, filter: program.as_mut_ptr() };
    // A process without privileges may install a filter only after this.
    rustix::thread::set_no_new_privs(true)?;
    // SAFETY: the header and its program outlive the call, in which the kernel copies them.
    let result = unsafe {
        real::syscall(
            libc::SYS_seccomp,
            SECCOMP_SET_MODE_FILTER as usize,
            SECCOMP_FILTER_FLAG_TSYNC as usize,
            &raw const header as usize,
            0,
            0,
            0,
        )
    };
    if result == 0 { Ok(()) } else { Err(errno::last()) }
}

/// Builds the filter's program. It checks the number first, which alone decides most calls: the kernel caches their
/// numbers, and does not run the filter for them again.
fn program(places: &[Range<u64>], numbers: &[c_long], mark: u16) -> Vec<sock_filter> {
    let allow = code(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    let mut program = vec![
        load(offset_of!(seccomp_data, arch)),
        jump(BPF_JEQ, ARCHITECTURE, 1, 0),
        allow,
        load(offset_of!(seccomp_data, nr)),
    ];
    for (index, &number) in numbers.iter().enumerate() {
        // Skips the other numbers and the end of the list.
        program.push(jump(BPF_JEQ, number as u32, (numbers.len() - index) as u8, 0));
    }
    program.push(allow);
    let instruction = offset_of!(seccomp_data, instruction_pointer);
    for place in places.iter().flat_map(within_4_gibibytes) {
        program.extend([
            // The upper half is at the higher address.
            load(instruction + 4),
            jump(BPF_JEQ, (place.start >> 32) as u32, 0, 4),
            load(instruction),
            jump(BPF_JGE, place.start as u32, 0, 2),
            jump(BPF_JGT, (place.end - 1) as u32, 1, 0),
            code(BPF_RET | BPF_K, SECCOMP_RET_TRAP | u32::from(mark)),
        ]);
    }
    program.push(allow);
    program
}

/// Splits a range into parts in which all addresses have the same upper half.
fn within_4_gibibytes(range: &Range<u64>) -> Vec<Range<u64>> {
    let mut parts = Vec::new();
    let mut start = range.start;
    while start < range.end {
        let end = range.end.min((start | u64::from(u32::MAX)).saturating_add(1));
        parts.push(start..end);
        start = end;
    }
    parts
}

fn load(offset: usize) -> sock_filter {
    code(BPF_LD | BPF_W | BPF_ABS, offset as u32)
}

fn code(code: u32, k: u32) -> sock_filter {
    sock_filter { code: code as u16, jt: 0, jf: 0, k }
}

/// Jump that skips `jt` instructions if the comparison holds, and `jf` if it does not.
fn jump(comparison: u32, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code: (BPF_JMP | comparison | BPF_K) as u16, jt, jf, k }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Interprets the filter for a call (linux/bpf_common.h, limited to the instructions in use).
    fn verdict(program: &[sock_filter], number: u32, architecture: u32, place: u64) -> u32 {
        let word = |offset| match offset {
            0 => number,
            4 => architecture,
            8 => place as u32,
            12 => (place >> 32) as u32,
            _ => panic!("no word at {offset}"),
        };
        let (mut at, mut value) = (0, 0);
        loop {
            let step = program[at];
            at += 1;
            let holds = match u32::from(step.code) {
                code if code == BPF_LD | BPF_W | BPF_ABS => {
                    value = word(step.k);
                    continue;
                }
                code if code == BPF_RET | BPF_K => return step.k,
                code if code == BPF_JMP | BPF_JEQ | BPF_K => value == step.k,
                code if code == BPF_JMP | BPF_JGE | BPF_K => value >= step.k,
                code if code == BPF_JMP | BPF_JGT | BPF_K => value > step.k,
                code => panic!("no instruction {code}"),
            };
            at += usize::from(if holds { step.jt } else { step.jf });
        }
    }

    #[test]
    fn only_these_numbers_at_these_places_are_trapped() {
        const START: u64 = 0x7fff_ffff_0000;
        const END: u64 = 0x8000_0000_2000;
        let program = program(&[START..END, 0x1000..0x2000], &[7, 232, 288], 0x1234);
        let trap = SECCOMP_RET_TRAP | 0x1234;
        for number in [7, 232, 288] {
            for place in [START, END - 1, 0x8000_0000_0000, 0x1000, 0x1fff] {
                assert_eq!(verdict(&program, number, ARCHITECTURE, place), trap, "{number} {place:x}");
                assert_eq!(verdict(&program, number, 0, place), SECCOMP_RET_ALLOW);
                assert_eq!(verdict(&program, 8, ARCHITECTURE, place), SECCOMP_RET_ALLOW);
            }
            for place in [START - 1, END, 0xfff, 0x2000, 0x7fff_0000_1000] {
                assert_eq!(verdict(&program, number, ARCHITECTURE, place), SECCOMP_RET_ALLOW, "{place:x}");
            }
        }
    }
}
