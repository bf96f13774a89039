//! Inline counters: the server's calls of the function that counts an edge are replaced by an instruction that counts it.
//! The calls, one for each edge, take a large part of the time of a server that parses byte by byte. Calls of the functions
//! that record comparisons are left out where AFL++ does not ask for them: in all copies of the server but cmplog's.
//!
//! The compiler passes the address of a guard to each call that counts, and the runtime's constructors number the guards
//! (clang, SanitizerCoverage, "Tracing PCs with guards"). So the calls are found first, while the executable can be read,
//! and replaced when the constructors have run and the counters have their address.

use std::ffi::CStr;
use std::ops::Range;
use std::ptr;
use std::sync::OnceLock;

use object::read::elf::{ElfFile64, ElfSection64};
use object::{Endianness, Object, ObjectSection};
use sockfuzz_protocol::{InlineCounters, PatchObstacle};

use super::coverage::counters;
use super::runtime::{self, Runtime};
use crate::patch::{self, Architecture, CallbackCalls, Callbacks, FunctionRanges, Processor};
use crate::sys::objects::{self, LoadedObject, MappedFile};
use crate::sys::report;

/// Section of the guards (LLVM: SanitizerCoverage.cpp).
const GUARDS_SECTION: &str = "__sancov_guards";

/// Functions that record comparisons (clang, SanitizerCoverage, "Tracing data flow"). In AFL++'s runtime, they have no
/// effect without cmplog's map.
const COMPARISONS: [&CStr; 11] = [
    c"__sanitizer_cov_trace_cmp1",
    c"__sanitizer_cov_trace_cmp2",
    c"__sanitizer_cov_trace_cmp4",
    c"__sanitizer_cov_trace_cmp8",
    c"__sanitizer_cov_trace_cmp16",
    c"__sanitizer_cov_trace_const_cmp1",
    c"__sanitizer_cov_trace_const_cmp2",
    c"__sanitizer_cov_trace_const_cmp4",
    c"__sanitizer_cov_trace_const_cmp8",
    c"__sanitizer_cov_trace_const_cmp16",
    c"__sanitizer_cov_trace_switch",
];

/// Sections of pointers that the loader fills in before any code runs, or that no instruction uses for a call.
const POINTER_SECTIONS: [&str; 2] = [".got", ".got.plt"];

/// Calls in each object that has guards.
static CALLS: OnceLock<Vec<CallbackCalls>> = OnceLock::new();

/// Finds the calls. To be called before the server can hide its files from itself.
pub(super) fn find(runtime: &Runtime) {
    let Some(counting) = runtime.trace_pc_guard().filter(|_| Processor::INCREMENTS_IN_PLACE) else { return };
    let comparisons = runtime::addresses_of(COMPARISONS);
    let idle: Vec<_> =
        comparisons.iter().map(|function| function.addr()).filter(|&address| address != 0).collect();
    let _ = CALLS.set(objects::of_server().filter_map(|object| calls_in(&object, counting, &idle)).collect());
}

/// Replaces the calls, if that changes nothing but the time. To be called after the runtime's constructors and before the
/// forkserver forks.
pub(super) fn install(runtime: &Runtime) {
    let Some(objects) = CALLS.get() else { return };
    let all = objects.iter().map(|found| found.counted_edges).sum::<usize>() as u32;
    let replaced = match counters::low_address() {
        None => Err(PatchObstacle::NoLowMemory),
        Some(_) if !runtime.counts_plainly() => Err(PatchObstacle::OtherCounting),
        Some(base) => {
            let leaves_out_comparisons = !runtime.has_cmplog_map();
            objects.iter().map(|found| replace(found, base, leaves_out_comparisons)).sum()
        }
    };
    report::status().set_inline_counters(InlineCounters {
        replaced: replaced.unwrap_or(0),
        calls: all,
        obstacle: replaced.err(),
    });
}

/// Returns the calls in an object; `None` if it has no guards.
fn calls_in(object: &LoadedObject, counting: usize, idle: &[usize]) -> Option<CallbackCalls> {
    let file = MappedFile::open(&object.path).ok()?;
    let elf = ElfFile64::<Endianness>::parse(file.bytes()).ok()?;
    let loaded = |section: &ElfSection64<'_, '_, Endianness>| {
        let start = object.bias.wrapping_add(section.address() as usize);
        start..start + section.size() as usize
    };
    let guards = loaded(&elf.section_by_name(GUARDS_SECTION)?);
    let pointers: Vec<Range<usize>> = POINTER_SECTIONS
        .iter()
        .filter_map(|name| elf.section_by_name(name))
        .map(|section| loaded(&section))
        .collect();
    let stored_at = |place: usize| {
        let is_pointer =
            pointers.iter().any(|range| range.start <= place && place + size_of::<usize>() <= range.end);
        // SAFETY: the section is mapped as long as the object, and the loader has filled it in.
        is_pointer.then(|| unsafe { ptr::with_exposed_provenance::<usize>(place).read_unaligned() })
    };
    let callbacks = Callbacks { counting, guards, idle, stored_at: &stored_at };
    let mut found = CallbackCalls::default();
    for function in FunctionRanges::of(&elf).iter() {
        let address = object.bias.wrapping_add(function.start);
        // SAFETY: the function lies in a section of code, which is mapped as long as the object and does not change.
        let code =
            unsafe { std::slice::from_raw_parts(ptr::with_exposed_provenance(address), function.len()) };
        Processor::find_calls(code, address, &callbacks, &mut found);
    }
    Some(found)
}

/// Replaces the calls in an object, whose counters begin at `base`. Returns the number of replaced calls that count.
fn replace(found: &CallbackCalls, base: u32, leaves_out_comparisons: bool) -> Result<u32, PatchObstacle> {
    let counting = found.counting.iter().flat_map(|call| {
        // SAFETY: this is the address of a guard, which the runtime has numbered.
        let guard = unsafe { ptr::with_exposed_provenance::<u32>(call.guard).read() };
        [(call.load, Processor::increment(base + guard)), no_call(&call.call)]
    });
    let comparisons = found.idle.iter().filter(|_| leaves_out_comparisons).map(no_call);
    let mut pieces: Vec<_> = counting.chain(comparisons).collect();
    pieces.sort_unstable();
    pieces.dedup();
    // SAFETY: the pieces lie in code of an object that is loaded for ever. Other threads, if any, sleep in the kernel. Each
    // piece replaces one instruction: at worst, an edge is not counted while only a part of them is written.
    unsafe { patch::write(&pieces) }.map_err(|_| PatchObstacle::Policy)?;
    Ok(found.counting.len() as u32)
}

/// Returns the piece of code that replaces a call by nothing.
fn no_call(call: &Range<usize>) -> (usize, Vec<u8>) {
    (call.start, Processor::nothing(call.len()).to_vec())
}
