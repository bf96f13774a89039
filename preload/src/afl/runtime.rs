//! Functions and variables of AFL++'s runtime, with their types (AFL++: instrumentation/afl-compiler-rt.o.c).

use std::ffi::{CStr, c_int, c_uint, c_void};
use std::sync::atomic::{AtomicI32, AtomicPtr, AtomicU8, Ordering::Relaxed};
use std::{ptr, slice};

use libloading::os::unix::Library;
use sockfuzz_protocol::RuntimeFound;

use super::shm_segments::MAX_INPUT_BYTES;
use crate::sys::{report, symbols};

/// Names of the runtime's symbols that are used, in the order of [`Runtime`]'s fields.
const SYMBOL_NAMES: [&CStr; 16] = [
    c"__afl_manual_init",
    c"__afl_persistent_loop",
    c"__afl_sharedmem_fuzzing",
    c"__afl_fuzz_ptr",
    c"__afl_fuzz_len",
    c"__afl_area_ptr",
    c"__afl_map_size",
    c"__afl_dictionary",
    c"__afl_dictionary_len",
    c"__afl_ijon_enabled",
    c"__afl_old_forkserver",
    c"__afl_cmp_map",
    c"__afl_map_addr",
    c"__afl_area_ptr_backup",
    c"__afl_selective_coverage",
    c"__sanitizer_cov_trace_pc_guard",
];

/// Number of symbols at the start of [`SYMBOL_NAMES`] that every runtime has.
const REQUIRED_SYMBOLS: usize = 7;

/// The runtime in the server's executable.
#[derive(Debug)]
pub(crate) struct Runtime {
    manual_init: unsafe extern "C" fn(),
    persistent_loop: unsafe extern "C" fn(c_uint) -> c_int,
    sharedmem_fuzzing: *const AtomicI32,
    fuzz_ptr: *mut *const u8,
    fuzz_len: *mut *const u32,
    area_ptr: *const AtomicPtr<u8>,
    map_size: *const u32,
    /// Null in runtimes before the forkserver protocol of AFL++ 4.20, like all following fields.
    dictionary: *const *const u8,
    dictionary_len: *const u32,
    ijon_enabled: *const u32,
    old_forkserver: *const u32,
    cmp_map: *const AtomicPtr<u8>,
    map_addr: *const u64,
    area_ptr_backup: *const AtomicPtr<u8>,
    selective_coverage: *const c_int,
    trace_pc_guard: Option<unsafe extern "C" fn(*mut u32)>,
}

// SAFETY: the pointers are addresses of the executable's globals, which are not tied to a thread.
unsafe impl Send for Runtime {}
// SAFETY: only the driver thread accesses the globals through the pointers.
unsafe impl Sync for Runtime {}

impl Runtime {
    /// Finds the runtime by the dynamic symbols, or else by the executable's symbol table.
    pub(super) fn find() -> Option<(Self, RuntimeFound)> {
        let mut addresses = dynamic(SYMBOL_NAMES);
        let found = |addresses: &[*mut c_void]| {
            addresses[..REQUIRED_SYMBOLS].iter().all(|address| !address.is_null())
        };
        let source = if found(&addresses) { RuntimeFound::DynamicSymbols } else { RuntimeFound::SymbolTable };
        symbols::complete(&mut addresses, SYMBOL_NAMES);
        found(&addresses).then(|| (Self::at(addresses), source))
    }

    fn at(addresses: [*mut c_void; SYMBOL_NAMES.len()]) -> Self {
        let [manual_init, persistent_loop, sharedmem_fuzzing, ..] = addresses;
        let [
            ..,
            fuzz_ptr,
            fuzz_len,
            area_ptr,
            map_size,
            dictionary,
            dictionary_len,
            ijon_enabled,
            old_forkserver,
            cmp_map,
            map_addr,
            area_ptr_backup,
            selective_coverage,
            trace_pc_guard,
        ] = addresses;
        // SAFETY: `transmute` requires addresses of functions of these types. The two are not null, and the symbols
        // have these types in every AFL++ since 3.00.
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
                dictionary: dictionary.cast(),
                dictionary_len: dictionary_len.cast(),
                ijon_enabled: ijon_enabled.cast(),
                old_forkserver: old_forkserver.cast(),
                cmp_map: cmp_map.cast(),
                map_addr: map_addr.cast(),
                area_ptr_backup: area_ptr_backup.cast(),
                selective_coverage: selective_coverage.cast(),
                trace_pc_guard: std::mem::transmute::<*mut c_void, Option<unsafe extern "C" fn(*mut u32)>>(
                    trace_pc_guard,
                ),
            }
        }
    }

    /// Whether this runtime speaks the forkserver protocol of loop `direct`, without extensions: `AFL_OLD_FORKSERVER`
    /// and IJON are left to the runtime itself.
    pub(super) fn speaks_current_protocol(&self) -> bool {
        let is_set = |variable: *const u32| {
            // SAFETY: the pointer is null, or the address of a variable of the runtime.
            unsafe { variable.as_ref() }.is_some_and(|value| *value != 0)
        };
        !self.old_forkserver.is_null()
            && std::env::var_os("AFL_OLD_FORKSERVER").is_none()
            && !is_set(self.ijon_enabled)
    }

    /// Returns the dictionary that the compiler has made (the in-memory form of `AFL_LLVM_DICT2FILE`).
    pub(super) fn dictionary(&self) -> &[u8] {
        if self.dictionary.is_null() || self.dictionary_len.is_null() {
            return &[];
        }
        // SAFETY: the pointers are addresses of variables of the runtime, set before `main` to an array and its length.
        unsafe {
            let (bytes, len) = (*self.dictionary, *self.dictionary_len as usize);
            if bytes.is_null() { &[] } else { slice::from_raw_parts(bytes, len) }
        }
    }

    /// Sets the address of inputs, as the runtime's own forkserver would.
    ///
    /// # Safety
    /// `shared` must point to memory that is never unmapped and holds an input: a length, then as many bytes.
    pub(super) unsafe fn set_input(&self, shared: *const u32) {
        // SAFETY: the pointers are addresses of variables of the runtime, which no other thread uses. The caller
        // guarantees that the bytes follow the length.
        unsafe {
            self.fuzz_len.write(shared);
            self.fuzz_ptr.write(shared.add(1).cast());
        }
    }

    /// Makes the runtime's constructor set up inputs in shared memory.
    pub(super) fn ask_for_shared_memory_inputs(&self) {
        // SAFETY: the pointer is the address of an `int` of the executable, which an `AtomicI32` can represent.
        unsafe { (*self.sharedmem_fuzzing).store(1, Relaxed) }
    }

    /// Starts the runtime's forkserver, which forks a child for every process that AFL++ requests. Returns in each
    /// child.
    pub(crate) fn start_forkserver(&self) {
        // SAFETY: the runtime allows this call from anywhere in the program.
        unsafe { (self.manual_init)() }
    }

    /// Ends the current iteration and waits for the next one. Returns `false` if this process has run `count`
    /// iterations.
    pub(crate) fn next_iteration(&self, count: u32) -> bool {
        // SAFETY: the runtime requires calls by one thread at a time, in a child of its forkserver: the driver thread.
        unsafe { (self.persistent_loop)(count) != 0 }
    }

    /// Returns the current input.
    pub(super) fn input(&self) -> &[u8] {
        // SAFETY: both are addresses of variables of the runtime. If not null, they point to memory that is shared with
        // afl-fuzz, which writes to it only between iterations.
        unsafe {
            let (bytes, len) = (self.fuzz_ptr.read_volatile(), self.fuzz_len.read_volatile());
            if bytes.is_null() || len.is_null() {
                report::fatal(format_args!(
                    "this AFL++ tool passes no inputs in shared memory: use AFL++ 3.00 or later"
                ));
            }
            slice::from_raw_parts(bytes, (len.read_volatile() as usize).min(MAX_INPUT_BYTES))
        }
    }

    /// Returns the coverage map.
    pub(super) fn map(&self) -> *mut [u8] {
        // SAFETY: the pointer is the address of a variable of the executable, set once before the forkserver starts.
        unsafe { ptr::slice_from_raw_parts_mut((*self.area_ptr).load(Relaxed), *self.map_size as usize) }
    }

    /// Returns the variables that hold the address of the coverage map: the one that the instrumentation uses, and the one
    /// from which `__AFL_COVERAGE_ON` restores it.
    pub(super) fn area_ptrs(&self) -> impl Iterator<Item = &'static AtomicPtr<u8>> + Clone {
        // SAFETY: each pointer is null, or the address of a variable of the executable, which is never unloaded.
        [self.area_ptr, self.area_ptr_backup].into_iter().filter_map(|variable| unsafe { variable.as_ref() })
    }

    /// Returns the variable that holds the address of cmplog's map.
    pub(super) fn cmp_map(&self) -> Option<&'static AtomicPtr<u8>> {
        // SAFETY: the pointer is null, or the address of a variable of the executable, which is never unloaded.
        unsafe { self.cmp_map.as_ref() }
    }

    /// Returns the address of the function that counts an edge, if code calls it.
    pub(super) fn trace_pc_guard(&self) -> Option<usize> {
        Some(self.trace_pc_guard? as usize)
    }

    /// Whether that function adds 1 to the counter of its guard, wraps around, and does nothing else.
    pub(super) fn counts_plainly(&self) -> bool {
        const GUARD: u32 = 3;
        // SAFETY: the pointer is null, or the address of a variable of the executable, set by the compiler.
        let is_selective =
            unsafe { self.selective_coverage.as_ref() }.is_some_and(|&selective| selective != 0);
        let Some(count_edge) = self.trace_pc_guard.filter(|_| !is_selective) else { return false };
        let counters = [const { AtomicU8::new(0) }; 8];
        // SAFETY: the pointer is the address of a variable of the executable. No other thread of the server runs.
        let variable = unsafe { &*self.area_ptr };
        let before = variable.swap(counters[0].as_ptr(), Relaxed);
        let is_plain = (0..=u8::MAX).all(|count| {
            let mut guard = GUARD;
            counters[GUARD as usize].store(count, Relaxed);
            // SAFETY: the guard lives on this stack, and its number is one of the counters.
            unsafe { count_edge(&raw mut guard) };
            let found = counters.each_ref().map(|counter| counter.swap(0, Relaxed));
            let mut expected = [0; 8];
            expected[GUARD as usize] = count.wrapping_add(1);
            guard == GUARD && found == expected
        });
        variable.store(before, Relaxed);
        is_plain
    }

    /// Whether comparisons are recorded in cmplog's map.
    pub(super) fn has_cmplog_map(&self) -> bool {
        self.cmp_map().is_none_or(|variable| !variable.load(Relaxed).is_null())
    }

    /// Whether the instrumentation uses a fixed address of the coverage map (`AFL_LLVM_MAP_ADDR`).
    pub(super) fn has_fixed_map(&self) -> bool {
        // SAFETY: the pointer is null, or the address of a variable of the executable, set by the compiler.
        unsafe { self.map_addr.as_ref() }.is_some_and(|&address| address != 0)
    }
}

/// Returns the addresses of further functions of the runtime; null for those that it does not have.
pub(super) fn addresses_of<const N: usize>(names: [&CStr; N]) -> [*mut c_void; N] {
    let mut addresses = dynamic(names);
    symbols::complete(&mut addresses, names);
    addresses
}

/// Returns the addresses of symbols that the loader finds; null for the others.
fn dynamic<const N: usize>(names: [&CStr; N]) -> [*mut c_void; N] {
    let program = Library::this();
    names.map(|name| {
        // SAFETY: `get` requires the symbol's type for its use, but the symbol is only turned into an address.
        let symbol = unsafe { program.get::<*mut c_void>(name.to_bytes_with_nul()) };
        symbol.map_or(ptr::null_mut(), |symbol| symbol.into_raw())
    })
}
