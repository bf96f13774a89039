//! Sanitizers of the server: the runtime that has to be preloaded first, and the options that turn a report
//! into a crash.

use std::env;
use std::fs;
use std::path::Path;

use object::elf::FileHeader64;
use object::read::elf::ElfFile;
use object::{Endianness, Object};

/// Shared runtimes that have to be the first library: otherwise they refuse to run, or detect less.
const RUNTIMES: &[&str] = &["libasan.so", "libclang_rt.asan", "liblsan.so", "libtsan.so", "libhwasan.so"];

/// Sanitizer options of a single run. A report ends the server by SIGABRT, as under afl-fuzz (AFL++'s
/// src/afl-common.c, `set_sanitizer_defaults`).
const OPTIONS: &[(&str, &str)] = &[
    ("ASAN_OPTIONS", "abort_on_error=1:detect_leaks=0"),
    ("LSAN_OPTIONS", "abort_on_error=1"),
    ("MSAN_OPTIONS", "abort_on_error=1"),
    ("TSAN_OPTIONS", "abort_on_error=1:halt_on_error=1"),
    ("UBSAN_OPTIONS", "abort_on_error=1:halt_on_error=1:print_stacktrace=1"),
];

/// Substrings that identify a report.
const REPORT_MARKS: &[&str] = &["Sanitizer:", ": runtime error: "];

/// Returns the name of the sanitizer's shared runtime that the program is linked with, as the dynamic linker
/// looks it up (elf(5), DT_NEEDED). `None` if there is none or the file cannot be read.
#[must_use]
pub fn shared_runtime(program: &Path) -> Option<String> {
    let content = fs::read(program).ok()?;
    let elf = ElfFile::<FileHeader64<Endianness>>::parse(&*content).ok()?;
    let names = elf.import_libraries().ok()?.flatten();
    names
        .map(|library| String::from_utf8_lossy(library.name()).into_owned())
        .find(|name| RUNTIMES.iter().any(|runtime| name.starts_with(runtime)))
}

/// Returns the sanitizer options of a single run, without variables that the user has set.
pub fn options() -> impl Iterator<Item = (&'static str, &'static str)> {
    OPTIONS.iter().copied().filter(|(name, _)| env::var_os(name).is_none())
}

/// Whether a server's output contains the message of a Rust panic.
#[must_use]
pub fn has_rust_panic(output: &[u8]) -> bool {
    memchr::memmem::find(output, b"panicked at").is_some()
}

/// Whether a server's output contains a sanitizer's report.
#[must_use]
pub fn is_report(output: &[u8]) -> bool {
    let output = String::from_utf8_lossy(output);
    REPORT_MARKS.iter().any(|mark| output.contains(mark))
}
