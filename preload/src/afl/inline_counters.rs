//! Inline counters: the server's calls of the function that counts an edge are replaced by an instruction that counts it.
//! The calls, one for each edge, take a large part of the time of a server that parses byte by byte.
//!
//! The compiler passes the address of a guard to each call, and the runtime's constructors number the guards (clang,
//! SanitizerCoverage, "Tracing PCs with guards"). So the calls are found first, while the executable can be read, and
//! replaced when the constructors have run and the counters have their address.

use std::ops::Range;
use std::ptr;
use std::sync::OnceLock;

use object::read::elf::ElfFile64;
use object::{Endianness, Object, ObjectSection};
use sockfuzz_protocol::{InlineCounters, PatchObstacle};

use super::coverage::counters;
use super::runtime::Runtime;
use crate::patch::{self, Architecture, CallSite, Callee, FunctionRanges, Processor};
use crate::sys::objects::{self, LoadedObject, MappedFile};
use crate::sys::report;

/// Section of the guards (LLVM: SanitizerCoverage.cpp).
const GUARDS_SECTION: &str = "__sancov_guards";

/// Calls in each object that has guards.
static INSTRUMENTED: OnceLock<Vec<InstrumentedObject>> = OnceLock::new();

/// Calls in one object.
#[derive(Debug)]
struct InstrumentedObject {
    /// Those that can be replaced, in ascending order.
    sites: Vec<CallSite>,
    /// Number of all.
    calls: usize,
}

/// Finds the calls. To be called before the server can hide its files from itself.
pub(super) fn find(runtime: &Runtime) {
    if !Processor::INCREMENTS_IN_PLACE {
        return;
    }
    let Some(callback) = runtime.trace_pc_guard() else { return };
    let found = objects::of_server().filter_map(|object| InstrumentedObject::find(&object, callback));
    let _ = INSTRUMENTED.set(found.collect());
}

/// Replaces the calls, if that changes nothing but the time. To be called after the runtime's constructors and before the
/// forkserver forks.
pub(super) fn install(runtime: &Runtime) {
    let Some(instrumented) = INSTRUMENTED.get().filter(|objects| !objects.is_empty()) else { return };
    let calls = instrumented.iter().map(|object| object.calls).sum::<usize>() as u32;
    let replaced = match counters::low_address() {
        None => Err(PatchObstacle::NoLowMemory),
        Some(_) if !runtime.counts_plainly() => Err(PatchObstacle::OtherCounting),
        Some(base) => instrumented.iter().map(|object| object.replace_calls(base)).sum(),
    };
    report::status().set_inline_counters(InlineCounters {
        replaced: replaced.unwrap_or(0),
        calls,
        obstacle: replaced.err(),
    });
}

impl InstrumentedObject {
    fn find(object: &LoadedObject, callback: usize) -> Option<Self> {
        let file = MappedFile::open(&object.path).ok()?;
        let elf = ElfFile64::<Endianness>::parse(file.bytes()).ok()?;
        let loaded = |section: &object::read::elf::ElfSection64<'_, '_, Endianness>| {
            let start = object.bias.wrapping_add(section.address() as usize);
            start..start + section.size() as usize
        };
        let guards = loaded(&elf.section_by_name(GUARDS_SECTION)?);
        // The loader has made them read-only, or they are not used (-z norelro).
        let pointers: Vec<Range<usize>> = elf
            .sections()
            .filter(|section| matches!(section.name(), Ok(".got" | ".got.plt")))
            .map(|section| loaded(&section))
            .collect();
        let stored_at = |place: usize| {
            let is_pointer =
                pointers.iter().any(|range| range.start <= place && place + size_of::<usize>() <= range.end);
            // SAFETY: the section is mapped as long as the object, and the loader has relocated it before any constructor.
            is_pointer.then(|| unsafe { ptr::with_exposed_provenance::<usize>(place).read_unaligned() })
        };
        let callee = Callee { address: callback, arguments: guards, stored_at: &stored_at };
        let mut sites = Vec::new();
        let mut calls = 0;
        for function in FunctionRanges::of(&elf).iter() {
            let address = object.bias.wrapping_add(function.start);
            // SAFETY: the function lies in a section of code, which is mapped as long as the object and does not change.
            let code =
                unsafe { std::slice::from_raw_parts(ptr::with_exposed_provenance(address), function.len()) };
            calls += Processor::find_calls(code, address, &callee, &mut sites);
        }
        sites.sort_unstable_by_key(|site| site.code.start);
        sites.dedup();
        Some(Self { sites, calls })
    }

    /// Returns the number of calls that were replaced: all that can be.
    fn replace_calls(&self, base: u32) -> Result<u32, PatchObstacle> {
        let pieces: Vec<_> = self
            .sites
            .iter()
            .map(|site| {
                // SAFETY: the argument is the address of a guard, which the runtime has numbered.
                let guard = unsafe { ptr::with_exposed_provenance::<u32>(site.argument).read() };
                (site.code.start, Processor::increment(site, base + guard))
            })
            .collect();
        // SAFETY: the sites lie in code of an object that is loaded for ever. Other threads, if any, sleep in the kernel.
        // Either instruction of a site can be replaced without the other: at worst an edge is not counted.
        unsafe { patch::write(&pieces) }.map_err(|_| PatchObstacle::Policy)?;
        Ok(pieces.len() as u32)
    }
}
