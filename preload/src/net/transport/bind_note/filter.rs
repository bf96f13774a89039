//! Note of a UNIX-domain socket: a classic BPF program (socket(7), SO_ATTACH_FILTER) that loads constants and then
//! accepts every packet. The constants are a magic number, the length of the text in bytes, and the text. A program that
//! the server attaches replaces it.

use std::os::fd::RawFd;

use libc::{c_int, sock_filter, sock_fprog, socklen_t};

use crate::net::address::Address;
use crate::net::transport::name;
use crate::sys::real;

/// First constant of a note.
const MAGIC: u32 = u32::from_be_bytes(*b"sfzn");
/// Maximum length of a program that is read. A path has at most 108 bytes.
const MAX_INSTRUCTIONS: usize = 64;
/// Option that reads a program (asm-generic/socket.h: SO_GET_FILTER).
const SO_GET_FILTER: c_int = libc::SO_ATTACH_FILTER;

const LOAD: u16 = (libc::BPF_LD | libc::BPF_IMM) as u16;
const ACCEPT: sock_filter =
    sock_filter { code: (libc::BPF_RET | libc::BPF_K) as u16, jt: 0, jf: 0, k: u32::MAX };

pub(super) fn write(fd: RawFd, address: &Address) {
    let text = name::encode(address);
    let words = text.chunks(size_of::<u32>()).map(|bytes| {
        let mut word = [0; size_of::<u32>()];
        word[..bytes.len()].copy_from_slice(bytes);
        u32::from_ne_bytes(word)
    });
    let constants = [MAGIC, text.len() as u32].into_iter().chain(words);
    let mut program: Vec<sock_filter> =
        constants.map(|k| sock_filter { code: LOAD, jt: 0, jf: 0, k }).collect();
    program.push(ACCEPT);
    let argument = sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: the argument and the instructions outlive the call, which copies them.
    unsafe {
        real::setsockopt(
            fd,
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            (&raw const argument).cast(),
            size_of::<sock_fprog>() as socklen_t,
        )
    };
}

pub(super) fn read(fd: RawFd) -> Option<Address> {
    let mut program = [ACCEPT; MAX_INSTRUCTIONS];
    // Counts instructions, not bytes.
    let mut len = MAX_INSTRUCTIONS as socklen_t;
    // SAFETY: there is room for `len` instructions.
    let done = unsafe {
        real::getsockopt(fd, libc::SOL_SOCKET, SO_GET_FILTER, program.as_mut_ptr().cast(), &raw mut len)
    };
    let constants = program.get(..len as usize).filter(|_| done == 0)?;
    let [magic, text_len, words @ .., _] = constants else { return None };
    if magic.k != MAGIC {
        return None;
    }
    let text: Vec<u8> = words.iter().flat_map(|word| word.k.to_ne_bytes()).collect();
    name::decode(text.get(..text_len.k as usize)?)
}

pub(super) fn remove(fd: RawFd) {
    let nothing: c_int = 0;
    if read(fd).is_some() {
        // SAFETY: the option ignores its value, which is a readable `c_int`.
        unsafe {
            real::setsockopt(
                fd,
                libc::SOL_SOCKET,
                libc::SO_DETACH_FILTER,
                (&raw const nothing).cast(),
                size_of::<c_int>() as socklen_t,
            )
        };
    }
}
