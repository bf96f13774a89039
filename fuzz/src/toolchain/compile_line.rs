//! Command line of a C or C++ compiler, understood as far as instrumentation needs it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// Step that a compiler is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Neither compiles nor links: a question such as `--version`.
    Query,
    /// Makes an object file, or less.
    Compile,
    /// Links a shared library.
    LinkLibrary,
    /// Links without the usual libraries, or into another object file.
    LinkPartially,
    /// Links an executable.
    LinkExecutable,
}

/// Options whose value is the next argument (clang's ClangCommandLineReference, "Separate" forms).
const WITH_VALUE: &[&str] = &[
    "-o",
    "-x",
    "-I",
    "-D",
    "-U",
    "-L",
    "-l",
    "-T",
    "-u",
    "-z",
    "-e",
    "-MF",
    "-MT",
    "-MQ",
    "-MJ",
    "-include",
    "-imacros",
    "-isystem",
    "-iquote",
    "-idirafter",
    "-iprefix",
    "-iwithprefix",
    "-iwithprefixbefore",
    "-isysroot",
    "-Xlinker",
    "-Xclang",
    "-Xassembler",
    "-Xpreprocessor",
    "-mllvm",
    "-target",
    "--param",
    "--sysroot",
    "-aux-info",
    "-rpath",
    "-include-pch",
    "-working-directory",
    "-dumpbase",
    "-dumpdir",
];

/// Begins an option that turns sanitizers on.
const SANITIZERS: &[u8] = b"-fsanitize=";

/// Options that end before linking.
const WITHOUT_LINKING: &[&str] = &[
    "-c",
    "-S",
    "-E",
    "-M",
    "-MM",
    "-fsyntax-only",
    "--precompile",
    "--preprocess",
    "--compile",
    "--assemble",
];

/// Options that hide the runtime from the preload, or the instrumentation from the compiler: a static executable, and one
/// without symbols; link-time optimisation, which would drop the runtime's symbols; and a check for undefined symbols in
/// libraries, which take the runtime from the executable.
const REMOVED: &[&str] = &[
    "-static",
    "-static-pie",
    "--static",
    "-s",
    "-Wl,-s",
    "-Wl,--strip-all",
    "-Wl,-S",
    "-Wl,--strip-debug",
    "-Wl,-z,defs",
    "-Wl,-zdefs",
    "-Wl,--no-undefined",
    "-fuse-linker-plugin",
    "-ffat-lto-objects",
    "-fwhole-program",
];

/// Finds the step of a command line.
#[must_use]
pub fn step(arguments: &[OsString]) -> Step {
    let mut has_input = false;
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        if is_one_of(word, WITH_VALUE) {
            words.next();
        } else {
            // A response file may name inputs.
            has_input |= word == "-" || !word.as_bytes().starts_with(b"-");
        }
    }
    let has = |options: &[&str]| arguments.iter().any(|word| is_one_of(word, options));
    if !has_input || has(&["-###"]) {
        Step::Query
    } else if has(WITHOUT_LINKING) || makes_header(arguments) {
        Step::Compile
    } else if has(&["-shared", "--shared"]) {
        Step::LinkLibrary
    } else if has(&["-r", "-Wl,-r", "-nostdlib", "-nostartfiles", "-nodefaultlibs"]) {
        Step::LinkPartially
    } else {
        Step::LinkExecutable
    }
}

/// Returns the arguments without those of [`REMOVED`] and without link-time optimisation.
pub fn without_obstacles(arguments: &[OsString]) -> impl Iterator<Item = &OsString> {
    let is_lto = |word: &OsStr| word == "-flto" || word.as_bytes().starts_with(b"-flto=");
    arguments.iter().filter(move |word| !is_one_of(word, REMOVED) && !is_lto(word))
}

/// Whether a precompiled header is made.
fn makes_header(arguments: &[OsString]) -> bool {
    arguments.windows(2).any(|pair| pair[0] == "-x" && pair[1].as_bytes().ends_with(b"-header"))
}

fn is_one_of(word: &OsStr, options: &[&str]) -> bool {
    options.iter().any(|option| word == *option)
}

/// Whether the arguments themselves turn on a sanitizer.
#[must_use]
pub fn has_sanitizer(arguments: &[OsString]) -> bool {
    arguments.iter().any(|argument| argument.as_bytes().starts_with(SANITIZERS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    #[test]
    fn steps_are_told_apart() {
        for (line, expected) in [
            ("", Step::Query),
            ("--version", Step::Query),
            ("-print-prog-name=ld", Step::Query),
            ("-o server", Step::Query),
            ("-c a.c -o a.o", Step::Compile),
            ("-MF a.d -E a.c", Step::Compile),
            ("-x c++-header a.h -o a.h.gch", Step::Compile),
            ("a.o -o server -lpthread", Step::LinkExecutable),
            ("a.c", Step::LinkExecutable),
            ("-x c -", Step::LinkExecutable),
            ("@objects", Step::LinkExecutable),
            ("-shared a.o -o liba.so", Step::LinkLibrary),
            ("-r a.o b.o -o c.o", Step::LinkPartially),
            ("-nostdlib a.o", Step::LinkPartially),
        ] {
            assert_eq!(step(&words(line)), expected, "{line}");
        }
    }

    #[test]
    fn obstacles_are_removed() {
        let line = words("-O2 -flto=auto -static a.o -Wl,-z,defs -s -o a -lz");
        let kept: Vec<_> = without_obstacles(&line).collect();
        assert_eq!(kept, ["-O2", "a.o", "-o", "a", "-lz"]);
    }
}
