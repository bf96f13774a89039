//! Counters of clang's `-fprofile-instr-generate` and rustc's `-C instrument-coverage`, in a file in LLVM's raw format.
//!
//! Each executable and library holds the parts of its file and its own copy of the runtime, which is hidden from the
//! loader (compiler-rt: lib/profile/InstrProfiling.h). At the start, the runtime writes the whole file once, into shared
//! memory. Later, only the counters change: a process adds what it has counted since the last time. So forked processes
//! share one file, nothing allocates, and a process that is killed loses no more than its last input.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::os::unix::fs::symlink;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};
use std::time::{SystemTime, UNIX_EPOCH};
use std::{fs, io, ptr};

use rustix::fs::{Mode, OFlags, ftruncate, open};
use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags, mmap, mmap_anonymous};
use sockfuzz_protocol::source_coverage::{OBJECT_EXTENSION, PROFILE_EXTENSION};

use crate::sys::symbols;

/// Functions of the runtime, in the order of [`ProfileRuntime`]'s fields.
const SYMBOL_NAMES: [&CStr; 4] = [
    c"__llvm_profile_get_size_for_buffer",
    c"__llvm_profile_write_buffer",
    c"__llvm_profile_begin_counters",
    c"__llvm_profile_end_counters",
];

/// Values that mark the first and the last counter while the position of the counters in the file is looked for.
const MARKS: [u64; 2] = [0x736f_636b_6675_7a7a, 0x7a7a_7566_6b63_6f73];

/// Profiles of all objects that have counters.
static PROFILES: OnceLock<Vec<Profile>> = OnceLock::new();

/// Whether a thread of this process adds its counters.
static IS_SAVING: AtomicBool = AtomicBool::new(false);

/// The runtime in one executable or library.
struct ProfileRuntime {
    file_size: unsafe extern "C" fn() -> u64,
    write: unsafe extern "C" fn(*mut c_char) -> c_int,
    begin: unsafe extern "C" fn() -> *mut u64,
    end: unsafe extern "C" fn() -> *mut u64,
}

/// Counters of one executable or library; all pointers are to arrays of this length.
struct Profile {
    len: usize,
    /// Counters that the server's code increments.
    counted: *mut u64,
    /// What this process has saved of them.
    saved: *mut u64,
    /// Counters in the file.
    shared: *const AtomicU64,
}

// SAFETY: the pointers are to memory that is never unmapped. `save` and `skip_unsaved` use it by one thread at a time.
unsafe impl Send for Profile {}
// SAFETY: as above.
unsafe impl Sync for Profile {}

/// Makes a file for each object with counters.
///
/// # Errors
/// Those of open(2), ftruncate(2), mmap(2) and symlink(2).
pub(super) fn prepare(directory: &str) -> io::Result<()> {
    let runtimes = symbols::in_each_object(SYMBOL_NAMES)
        .filter_map(|(object, addresses)| Some((object, ProfileRuntime::at(addresses)?)));
    // An id may occur again later, in another process.
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let process = rustix::process::getpid().as_raw_pid();
    let mut profiles = Vec::new();
    for (index, (object, runtime)) in runtimes.enumerate() {
        let name = format!("{directory}/{process}-{time}-{index}");
        let Some(profile) = runtime.begin_profile(&format!("{name}.{PROFILE_EXTENSION}"))? else { continue };
        profiles.push(profile);
        // The object holds the source positions of the counters.
        let object = fs::canonicalize(object)?;
        symlink(object, format!("{name}.{OBJECT_EXTENSION}"))?;
    }
    let _ = PROFILES.set(profiles);
    Ok(())
}

/// Whether any object has counters.
pub(super) fn is_on() -> bool {
    PROFILES.get().is_some_and(|profiles| !profiles.is_empty())
}

/// Adds what this process has counted since the last time.
pub(super) fn save() {
    for_each_unsaved(|shared, count| {
        shared.fetch_add(count, Relaxed);
    });
}

/// Leaves what this process has counted up to now to its parent.
pub(super) fn skip_unsaved() {
    // The parent may have forked while another thread of it was saving.
    IS_SAVING.store(false, Release);
    for_each_unsaved(|_, _| {});
}

/// Calls `take` with each counter that has grown, and remembers its value. Does nothing while another thread does so, or
/// if a crash has interrupted it.
fn for_each_unsaved(take: impl Fn(&AtomicU64, u64)) {
    let Some(profiles) = PROFILES.get().filter(|profiles| !profiles.is_empty()) else { return };
    if IS_SAVING.swap(true, Acquire) {
        return;
    }
    for profile in profiles {
        for index in 0..profile.len {
            // SAFETY: the index is within all three arrays. The server's threads may increment a counter meanwhile, which
            // a volatile read allows for; nothing else uses `saved`.
            unsafe {
                let counted = profile.counted.add(index).read_volatile();
                let saved = &mut *profile.saved.add(index);
                if counted != *saved {
                    take(&*profile.shared.add(index), counted.wrapping_sub(*saved));
                    *saved = counted;
                }
            }
        }
    }
    IS_SAVING.store(false, Release);
}

impl ProfileRuntime {
    fn at(addresses: [*mut c_void; SYMBOL_NAMES.len()]) -> Option<Self> {
        if addresses.iter().any(|address| address.is_null()) {
            return None;
        }
        let [file_size, write, begin, end] = addresses;
        // SAFETY: `transmute` requires addresses of functions of these types. They are not null, and the symbols have
        // these types in every compiler-rt since LLVM 3.7 (or a pointer to bytes in the place of one to counters).
        unsafe {
            Some(Self {
                file_size: std::mem::transmute::<*mut c_void, unsafe extern "C" fn() -> u64>(file_size),
                write: std::mem::transmute::<*mut c_void, unsafe extern "C" fn(*mut c_char) -> c_int>(write),
                begin: std::mem::transmute::<*mut c_void, unsafe extern "C" fn() -> *mut u64>(begin),
                end: std::mem::transmute::<*mut c_void, unsafe extern "C" fn() -> *mut u64>(end),
            })
        }
    }

    /// Writes the file, and finds the counters in it. `None` for an object without counters.
    fn begin_profile(&self, path: &str) -> rustix::io::Result<Option<Profile>> {
        // SAFETY: these functions return constants of the object that they are linked to.
        let (counted, end, size) = unsafe { ((self.begin)(), (self.end)(), (self.file_size)() as usize) };
        let len = (end.addr() - counted.addr()) / size_of::<u64>();
        if len == 0 {
            return Ok(None);
        }
        let file =
            open(path, OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC, Mode::from(0o644))?;
        ftruncate(&file, size as u64)?;
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: with a null address the kernel chooses one where nothing is mapped.
        let (content, saved) = unsafe {
            (
                mmap(ptr::null_mut(), size, access, MapFlags::SHARED, &file, 0)?.cast::<u8>(),
                mmap_anonymous(ptr::null_mut(), len * size_of::<u64>(), access, MapFlags::PRIVATE)?,
            )
        };
        // SAFETY: the counters are writable, and there is no other thread. `content` has the size that the runtime asks
        // for, and is used by nothing else yet.
        let (written, content) = unsafe {
            let (first, last) = (counted, counted.add(len - 1));
            let before = (first.read(), last.read());
            last.write(MARKS[1]);
            first.write(MARKS[0]);
            let written = (self.write)(content.cast()) == 0;
            last.write(before.1);
            first.write(before.0);
            (written, std::slice::from_raw_parts_mut(content, size))
        };
        let place = if written { position(content, len) } else { None };
        let counters = &mut content[place.ok_or(Errno::NOTSUP)?..][..len * size_of::<u64>()];
        counters.fill(0);
        let shared = counters.as_ptr().cast();
        Ok(Some(Profile { len, counted, saved: saved.cast(), shared }))
    }
}

/// Returns the position of `len` marked counters.
fn position(content: &[u8], len: usize) -> Option<usize> {
    let has = |place: usize, mark: u64| content.get(place..place + 8) == Some(&mark.to_ne_bytes());
    (0..content.len()).step_by(size_of::<u64>()).find(|&place| {
        has(place, MARKS[0]) && (len == 1 || has(place + (len - 1) * size_of::<u64>(), MARKS[1]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_found_by_their_marks() {
        let [first, last] = MARKS;
        let content = |words: &[u64]| words.iter().flat_map(|word| word.to_ne_bytes()).collect::<Vec<_>>();
        assert_eq!(position(&content(&[1, first, 0, last, 1]), 3), Some(8));
        assert_eq!(position(&content(&[first, 0, first]), 1), Some(0));
        assert_eq!(position(&content(&[first, last, 0]), 3), None);
    }
}
