//! Lookup of symbols that the loader cannot find: a Rust executable exports nothing, but unless it is
//! stripped, its symbol table contains the AFL++ runtime, and variables of Rust's std.

use std::ffi::{CStr, c_int, c_void};
use std::ptr::{self, NonNull};

use memchr::memmem;
use object::read::elf::ElfFile64;
use object::{Endianness, Object, ObjectSection, ObjectSymbol, SectionKind, SymbolKind};

use super::objects::{self, EXECUTABLE, LoadedObject, MappedFile};

/// Thread-local variable with zero as its initial value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ThreadVariable {
    /// Offset in the block that each thread has for the executable's thread-local variables.
    pub(crate) offset: usize,
    pub(crate) len: usize,
}

/// Finds the thread-local variable of the running executable whose name contains `part`.
pub(crate) fn find_thread_variable(part: &[u8]) -> Option<ThreadVariable> {
    let file = MappedFile::open(EXECUTABLE).ok()?;
    let elf = ElfFile64::<Endianness>::parse(file.bytes()).ok()?;
    let is_zeroed = |section| {
        elf.section_by_index(section).is_ok_and(|section| section.kind() == SectionKind::UninitializedTls)
    };
    let found = elf.symbols().find(|symbol| {
        symbol.kind() == SymbolKind::Tls
            && symbol.section_index().is_some_and(is_zeroed)
            && symbol.name_bytes().is_ok_and(|name| name.windows(part.len()).any(|window| window == part))
    })?;
    Some(ThreadVariable { offset: found.address() as usize, len: found.size() as usize })
}

/// Returns the address of the calling thread's block; `None` if it has none (dl_iterate_phdr(3): the first object is
/// the main program).
pub(crate) fn thread_block() -> Option<NonNull<u8>> {
    unsafe extern "C" fn first(info: *mut libc::dl_phdr_info, len: usize, block: *mut c_void) -> c_int {
        if len >= size_of::<libc::dl_phdr_info>() {
            // SAFETY: the loader passes an `info` of this length, and `block` points at a `*mut c_void` (below).
            unsafe { *block.cast::<*mut c_void>() = (*info).dlpi_tls_data };
        }
        1
    }
    let mut block = ptr::null_mut::<c_void>();
    // SAFETY: the callback has the required type, and casts the data pointer to the type that is passed here.
    unsafe { libc::dl_iterate_phdr(Some(first), (&raw mut block).cast()) };
    NonNull::new(block.cast())
}

/// Fills in the null addresses of those `names` that the running executable's symbol table contains.
pub(crate) fn complete<const N: usize>(addresses: &mut [*mut c_void; N], names: [&CStr; N]) {
    complete_from(EXECUTABLE, load_bias(), addresses, names);
}

/// Returns the path of each loaded object but this library, and the addresses of `names` in it; null for those that it
/// does not have.
pub(crate) fn in_each_object<const N: usize>(
    names: [&CStr; N],
) -> impl Iterator<Item = (String, [*mut c_void; N])> {
    objects::of_server().map(move |LoadedObject { path, bias, .. }| {
        let mut addresses = [ptr::null_mut(); N];
        complete_from(&path, bias, &mut addresses, names);
        (path, addresses)
    })
}

/// Returns the absolute paths with this extension that an object has among its strings.
pub(crate) fn paths_in(object: &str, extension: &str) -> Vec<String> {
    let Ok(file) = MappedFile::open(object) else { return Vec::new() };
    let bytes = file.bytes();
    let end = format!(".{extension}\0");
    let paths = memmem::find_iter(bytes, &end).filter_map(|dot| {
        let start = bytes[..dot].iter().rposition(|&byte| byte == 0)? + 1;
        let path = str::from_utf8(&bytes[start..dot + end.len() - 1]).ok()?;
        path.starts_with('/').then(|| path.to_owned())
    });
    paths.collect()
}

/// Fills in null addresses from the symbol table of one object. A file that cannot be read has none.
fn complete_from<const N: usize>(
    path: &str,
    bias: usize,
    addresses: &mut [*mut c_void; N],
    names: [&CStr; N],
) {
    let Ok(file) = MappedFile::open(path) else { return };
    let Ok(elf) = ElfFile64::<Endianness>::parse(file.bytes()) else { return };
    for symbol in elf.symbols().filter(|symbol| symbol.is_definition()) {
        let Ok(found) = symbol.name_bytes() else { continue };
        if let Some(index) = names.iter().position(|name| name.to_bytes() == found)
            && addresses[index].is_null()
        {
            addresses[index] = ptr::with_exposed_provenance_mut(bias.wrapping_add(symbol.address() as usize));
        }
    }
}

/// Returns the distance of the executable's load address from its link address.
fn load_bias() -> usize {
    objects::loaded().first().map_or(0, |executable| executable.bias)
}
