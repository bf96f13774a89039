//! Executable segments of the process: its program and its libraries. They give an address a name that is the same in
//! every run.

use std::ffi::{CStr, OsStr, c_int, c_void};
use std::fmt::Write as _;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use libc::dl_phdr_info;
use sockfuzz_protocol::fnv;

/// Parts of the names of libraries in which no bug of the server is: a crash there belongs to their caller.
const SYSTEM: [&[u8]; 5] = [b"/libc.so", b"/libpthread", b"/ld-linux", b"linux-vdso", b"sockfuzz_preload"];

/// Longest part of a module's name in the name of a finding, in bytes.
const MAX_MODULE_BYTES: usize = 40;

/// One executable segment.
#[derive(Debug, Clone)]
pub(super) struct CodeSegment {
    pub(super) addresses: Range<usize>,
    /// Distance of the module's addresses from those in its file.
    bias: usize,
    /// Base name of the module.
    name: String,
    /// Whether it is code of the server, not of the system.
    pub(super) is_servers: bool,
}

/// Returns all executable segments (dl_iterate_phdr(3)).
pub(super) fn segments() -> Vec<CodeSegment> {
    unsafe extern "C" fn add(info: *mut dl_phdr_info, _: usize, segments: *mut c_void) -> c_int {
        // SAFETY: the loader passes a valid `info`, whose headers and name are valid meanwhile, and `segments` points at
        // the vector below.
        unsafe {
            let (info, segments) = (&*info, &mut *segments.cast::<Vec<CodeSegment>>());
            let headers = std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into());
            let name = if info.dlpi_name.is_null() { c"" } else { CStr::from_ptr(info.dlpi_name) };
            let is_code = |header: &&libc::Elf64_Phdr| {
                header.p_type == libc::PT_LOAD && header.p_flags & libc::PF_X != 0
            };
            segments.extend(headers.iter().filter(is_code).map(|header| {
                let start = (info.dlpi_addr + header.p_vaddr) as usize;
                CodeSegment {
                    addresses: start..start + header.p_memsz as usize,
                    bias: info.dlpi_addr as usize,
                    name: module_name(name),
                    is_servers: !is_system(name),
                }
            }));
        }
        0
    }
    let mut segments = Vec::new();
    // SAFETY: the callback has the required type, and casts the data pointer to the type that is passed here.
    unsafe { libc::dl_iterate_phdr(Some(add), (&raw mut segments).cast()) };
    segments
}

fn is_system(name: &CStr) -> bool {
    SYSTEM.iter().any(|part| memchr::memmem::find(name.to_bytes(), part).is_some())
}

/// Returns the base name of a module, in the characters of a finding's name. The loader gives the program no name.
fn module_name(path: &CStr) -> String {
    let program = || std::env::current_exe().unwrap_or_default();
    let path = if path.is_empty() { program() } else { Path::new(OsStr::from_bytes(path.to_bytes())).into() };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || "-._".contains(*c);
    name.chars().filter(is_plain).take(MAX_MODULE_BYTES).collect()
}

/// Describes where a process crashed, from the address of the instruction and the calls that led there: `,at:nginx+4a3c1`
/// is an instruction of the server; `,at:nginx+4a3c1~9f3e01aa` is the innermost call of the server into the system, with
/// a hash of all calls. Empty if no address is in the server's code.
pub(super) fn describe(addresses: &[usize]) -> String {
    let segments = segments();
    let find = |address: &usize| {
        segments.iter().find(|segment| segment.is_servers && segment.addresses.contains(address))
    };
    let named = |address: usize| {
        find(&address).map(|CodeSegment { bias, name, .. }| format!("{name}+{:x}", address - bias))
    };
    let mut names = addresses.iter().filter_map(|&address| named(address));
    let Some(first) = names.next() else { return String::new() };
    let mut text = format!(",at:{first}");
    if addresses.first().and_then(find).is_none() {
        let hash = names.fold(fnv::EMPTY, |hash, name| fnv::extend(hash, name.as_bytes()));
        let _ = write!(text, "~{:08x}", hash as u32);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_this_program_has_its_name() {
        let here = describe as fn(&[usize]) -> String as usize;
        let text = describe(&[here]);
        assert!(text.starts_with(",at:") && !text.contains('~'), "{text}");
        let called = describe(&[libc::strlen as *const () as usize, here]);
        assert!(called.starts_with(&text) && called.contains('~'), "{called}");
        assert_eq!(describe(&[0, 1]), "");
    }
}
