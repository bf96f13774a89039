//! Lookup of symbols that the loader cannot find: a Rust executable exports nothing, but unless it is
//! stripped, its symbol table contains the AFL++ runtime, and variables of Rust's std.

use std::ffi::{CStr, c_int, c_void};
use std::fs::File;
use std::ptr::{self, NonNull};

use memchr::memmem;
use object::read::elf::ElfFile64;
use object::{Endianness, Object, ObjectSection, ObjectSymbol, SectionKind, SymbolKind};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

const EXECUTABLE: &str = "/proc/self/exe";

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
    let own = own_bias();
    let others = loaded_objects().into_iter().filter(move |object| object.bias != own);
    others.map(move |LoadedObject { path, bias }| {
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

/// File mapped into memory: executables with debugging information are large, and most of it is not read.
struct MappedFile {
    start: *mut c_void,
    len: usize,
}

impl MappedFile {
    fn open(path: &str) -> std::io::Result<Self> {
        let file = File::open(path)?;
        let len = file.metadata()?.len() as usize;
        // SAFETY: with a null address the kernel chooses one where nothing is mapped.
        let start = unsafe { mmap(ptr::null_mut(), len, ProtFlags::READ, MapFlags::PRIVATE, &file, 0)? };
        Ok(Self { start, len })
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: `len` bytes are mapped for as long as `self` lives; a running executable cannot be written to.
        unsafe { std::slice::from_raw_parts(self.start.cast(), self.len) }
    }
}

impl Drop for MappedFile {
    fn drop(&mut self) {
        // SAFETY: `self` owns the mapping of this length, and nothing borrows from it any more.
        let _ = unsafe { munmap(self.start, self.len) };
    }
}

/// Executable or library of this process.
struct LoadedObject {
    path: String,
    /// Distance of the load address from the link address.
    bias: usize,
}

/// Returns all objects, the executable first (dl_iterate_phdr(3)).
fn loaded_objects() -> Vec<LoadedObject> {
    unsafe extern "C" fn add(info: *mut libc::dl_phdr_info, _: usize, objects: *mut c_void) -> c_int {
        // SAFETY: the loader passes a valid `info`, whose name is null or a C string, and `objects` points at a `Vec` of
        // this type (below), which nothing else uses.
        unsafe {
            let objects = &mut *objects.cast::<Vec<LoadedObject>>();
            let name = (*info).dlpi_name;
            let path = match objects.is_empty() || name.is_null() {
                true => EXECUTABLE.to_owned(),
                false => CStr::from_ptr(name).to_string_lossy().into_owned(),
            };
            objects.push(LoadedObject { path, bias: (*info).dlpi_addr as usize });
        }
        0
    }
    let mut objects: Vec<LoadedObject> = Vec::new();
    // SAFETY: the callback has the required type, and casts the data pointer to the type that is passed here.
    unsafe { libc::dl_iterate_phdr(Some(add), (&raw mut objects).cast()) };
    objects
}

/// Returns the distance of the executable's load address from its link address.
fn load_bias() -> usize {
    loaded_objects().first().map_or(0, |executable| executable.bias)
}

/// Returns the distance of this library's load address from its link address, which is 0 (dladdr(3)).
fn own_bias() -> usize {
    // SAFETY: all zeroes is a valid `Dl_info`, which lives on this stack; any address may be asked for.
    unsafe {
        let mut info: libc::Dl_info = std::mem::zeroed();
        libc::dladdr(own_bias as fn() -> usize as *const c_void, &mut info);
        info.dli_fbase.addr()
    }
}
