//! The runtime's functions and variables, typed (AFL++: instrumentation/afl-compiler-rt.o.c).

use std::ffi::{CStr, c_int, c_uint, c_void};
use std::slice;
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};

use libloading::os::unix::Library;
use sockfuzz_contract::RuntimeFound;

use super::symbols;
use crate::report;

/// Largest input that AFL++ hands over (config.h: MAX_FILE), in bytes.
const MAX_INPUT: usize = 1 << 20;

/// Names of what is used of the runtime, in the order of [`Runtime`]'s fields.
const NAMES: [&CStr; 7] = [
    c"__afl_manual_init",
    c"__afl_persistent_loop",
    c"__afl_sharedmem_fuzzing",
    c"__afl_fuzz_ptr",
    c"__afl_fuzz_len",
    c"__afl_area_ptr",
    c"__afl_map_size",
];

/// The runtime in the server's executable.
#[derive(Debug)]
pub(crate) struct Runtime {
    manual_init: unsafe extern "C" fn(),
    persistent_loop: unsafe extern "C" fn(c_uint) -> c_int,
    sharedmem_fuzzing: *const AtomicI32,
    fuzz_ptr: *const *const u8,
    fuzz_len: *const *const u32,
    area_ptr: *const *mut u8,
    map_size: *const u32,
}

// SAFETY: the pointers are addresses of the executable's own globals; they are read by the thread
// that holds the driver's role only.
unsafe impl Send for Runtime {}
// SAFETY: as above.
unsafe impl Sync for Runtime {}

impl Runtime {
    /// Looks in the dynamic symbols, then in the executable's symbol table.
    pub(super) fn find() -> Option<(Self, RuntimeFound)> {
        if let Some(addresses) = dynamic() {
            return Some((Self::at(addresses), RuntimeFound::DynamicSymbols));
        }
        symbols::in_executable(NAMES).map(|addresses| (Self::at(addresses), RuntimeFound::SymbolTable))
    }

    fn at(
        [manual_init, persistent_loop, sharedmem_fuzzing, fuzz_ptr, fuzz_len, area_ptr, map_size]: [*mut c_void;
            7],
    ) -> Self {
        // SAFETY: the symbols have these types in every AFL++ since 3.00.
        unsafe {
            Self {
                manual_init: std::mem::transmute::<*mut c_void, unsafe extern "C" fn()>(manual_init),
                persistent_loop: std::mem::transmute::<*mut c_void, unsafe extern "C" fn(c_uint) -> c_int>(
                    persistent_loop,
                ),
                sharedmem_fuzzing: sharedmem_fuzzing.cast(),
                fuzz_ptr: fuzz_ptr.cast(),
                fuzz_len: fuzz_len.cast(),
                area_ptr: area_ptr.cast(),
                map_size: map_size.cast(),
            }
        }
    }

    /// Makes the runtime's constructor set up inputs in shared memory.
    pub(super) fn ask_for_shared_memory_inputs(&self) {
        // SAFETY: an `int` of the executable's; no other thread exists yet.
        unsafe { (*self.sharedmem_fuzzing).store(1, Relaxed) }
    }

    /// Forks a child for every process that afl-fuzz asks for; returns in the child.
    pub(super) fn start_forkserver(&self) {
        // SAFETY: the runtime allows one call from anywhere in the program.
        unsafe { (self.manual_init)() }
    }

    /// Ends the current iteration, waits for the next; `false` when `count` were run.
    pub(crate) fn next_iteration(&self, count: u32) -> bool {
        // SAFETY: called by the thread that holds the driver's role, in a child of the forkserver.
        unsafe { (self.persistent_loop)(count) != 0 }
    }

    /// The current input.
    pub(crate) fn input(&self) -> &[u8] {
        // SAFETY: the runtime has set both pointers to memory that it shares with afl-fuzz, which
        // writes it between iterations only.
        unsafe {
            let (bytes, len) = (self.fuzz_ptr.read_volatile(), self.fuzz_len.read_volatile());
            if bytes.is_null() || len.is_null() {
                report::fatal(format_args!(
                    "this AFL++ tool hands over no inputs in shared memory: use AFL++ 3.00 or later"
                ));
            }
            slice::from_raw_parts(bytes, (len.read_volatile() as usize).min(MAX_INPUT))
        }
    }

    /// Length of the coverage map, in bytes.
    pub(super) fn map_len(&self) -> usize {
        // SAFETY: set once, before the forkserver started.
        unsafe { *self.map_size as usize }
    }

    /// The coverage map of the iteration that has just ended.
    pub(crate) fn coverage(&self) -> &[u8] {
        // SAFETY: the runtime's map has this length; the server is idle, so nothing writes to it.
        unsafe { slice::from_raw_parts(*self.area_ptr, self.map_len()) }
    }

    /// Empties the coverage map, but for the first byte, by which AFL++ knows that the server is
    /// instrumented.
    pub(crate) fn clear_coverage(&self) {
        // SAFETY: as in `coverage`.
        let map = unsafe { slice::from_raw_parts_mut(*self.area_ptr, self.map_len()) };
        map.fill(0);
        map[0] = 1;
    }
}

fn dynamic() -> Option<[*mut c_void; 7]> {
    let program = Library::this();
    let mut addresses = [std::ptr::null_mut(); 7];
    for (address, name) in addresses.iter_mut().zip(NAMES) {
        // SAFETY: the symbol is only turned into an address here.
        *address = unsafe { program.get::<*mut c_void>(name.to_bytes_with_nul()) }.ok()?.into_raw();
    }
    Some(addresses)
}
