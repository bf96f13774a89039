//! Symbols that the loader does not know: a Rust executable exports nothing, but unless it is
//! stripped its symbol table names the AFL++ runtime.

use std::ffi::{CStr, c_int, c_void};
use std::fs::File;
use std::ptr;

use object::read::elf::ElfFile64;
use object::{Endianness, Object, ObjectSymbol};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// Fills in the addresses of those `names` that are null, as far as the running executable's symbol
/// table knows them.
pub(super) fn complete<const N: usize>(addresses: &mut [*mut c_void; N], names: [&CStr; N]) {
    let Ok(file) = MappedFile::open("/proc/self/exe") else { return };
    let Ok(elf) = ElfFile64::<Endianness>::parse(file.bytes()) else { return };
    let bias = load_bias();
    for symbol in elf.symbols().filter(|symbol| symbol.is_definition()) {
        let Ok(found) = symbol.name_bytes() else { continue };
        if let Some(index) = names.iter().position(|name| name.to_bytes() == found)
            && addresses[index].is_null()
        {
            addresses[index] = ptr::with_exposed_provenance_mut(bias.wrapping_add(symbol.address() as usize));
        }
    }
}

/// A file as memory: executables with debugging information are large, and most of it is not read.
struct MappedFile {
    start: *mut c_void,
    len: usize,
}

impl MappedFile {
    fn open(path: &str) -> std::io::Result<Self> {
        let file = File::open(path)?;
        let len = file.metadata()?.len() as usize;
        // SAFETY: a new mapping at an address of the kernel's choice.
        let start = unsafe { mmap(ptr::null_mut(), len, ProtFlags::READ, MapFlags::PRIVATE, &file, 0)? };
        Ok(Self { start, len })
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: mapped for as long as `self` lives; a running executable cannot be written to.
        unsafe { std::slice::from_raw_parts(self.start.cast(), self.len) }
    }
}

impl Drop for MappedFile {
    fn drop(&mut self) {
        // SAFETY: nothing borrows from the mapping any more.
        let _ = unsafe { munmap(self.start, self.len) };
    }
}

/// How far from its linked addresses the executable was loaded (dl_iterate_phdr(3): the first
/// object is the main program).
fn load_bias() -> usize {
    unsafe extern "C" fn first(info: *mut libc::dl_phdr_info, _: usize, bias: *mut c_void) -> c_int {
        // SAFETY: the loader passes a valid `info`, and we passed a `usize`.
        unsafe { *bias.cast::<usize>() = (*info).dlpi_addr as usize };
        1
    }
    let mut bias = 0_usize;
    // SAFETY: the callback matches what it is given.
    unsafe { libc::dl_iterate_phdr(Some(first), ptr::from_mut(&mut bias).cast()) };
    bias
}
