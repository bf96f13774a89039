//! Executable and libraries of this process, and their files.

use std::ffi::{CStr, c_int, c_void};
use std::fs::File;
use std::ptr;

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// Path of the running executable.
pub(crate) const EXECUTABLE: &str = "/proc/self/exe";

/// File mapped into memory: executables with debugging information are large, and most of it is not read.
pub(crate) struct MappedFile {
    start: *mut c_void,
    len: usize,
}

impl MappedFile {
    /// Maps a file.
    ///
    /// # Errors
    /// Those of open(2), fstat(2) and mmap(2).
    pub(crate) fn open(path: &str) -> std::io::Result<Self> {
        let file = File::open(path)?;
        let len = file.metadata()?.len() as usize;
        // SAFETY: with a null address the kernel chooses one where nothing is mapped.
        let start = unsafe { mmap(ptr::null_mut(), len, ProtFlags::READ, MapFlags::PRIVATE, &file, 0)? };
        Ok(Self { start, len })
    }

    /// Returns its content.
    pub(crate) fn bytes(&self) -> &[u8] {
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
pub(crate) struct LoadedObject {
    pub(crate) path: String,
    /// Distance of the load address from the link address.
    pub(crate) bias: usize,
    /// Addresses and lengths of its segments that are readable and not writable.
    constants: Vec<(usize, usize)>,
}

impl LoadedObject {
    /// Returns the content of its segments that are readable and not writable: code, constants, or both.
    pub(crate) fn constants(&self) -> impl Iterator<Item = &[u8]> {
        self.constants.iter().map(|&(start, len)| {
            // SAFETY: the loader has mapped the segment, and nothing writes to it.
            unsafe { std::slice::from_raw_parts(ptr::with_exposed_provenance(start), len) }
        })
    }
}

/// Returns all objects, the executable first (dl_iterate_phdr(3)).
pub(crate) fn loaded() -> Vec<LoadedObject> {
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
            let bias = (*info).dlpi_addr as usize;
            let headers = std::slice::from_raw_parts((*info).dlpi_phdr, (*info).dlpi_phnum.into());
            let constants = headers
                .iter()
                .filter(|header| {
                    header.p_type == libc::PT_LOAD && header.p_flags & (libc::PF_R | libc::PF_W) == libc::PF_R
                })
                .map(|header| (bias + header.p_vaddr as usize, header.p_filesz as usize))
                .collect();
            objects.push(LoadedObject { path, bias, constants });
        }
        0
    }
    let mut objects: Vec<LoadedObject> = Vec::new();
    // SAFETY: the callback has the required type, and casts the data pointer to the type that is passed here.
    unsafe { libc::dl_iterate_phdr(Some(add), (&raw mut objects).cast()) };
    objects
}

/// Returns all objects but this library.
pub(crate) fn of_server() -> impl Iterator<Item = LoadedObject> {
    let own = own_bias();
    loaded().into_iter().filter(move |object| object.bias != own)
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
