//! Compilers with their own coverage of source lines, for `sockfuzz cover`: the flags of each step.
//!
//! The preload looks for the functions that write what was counted, so the linker must keep them: it drops those that
//! nothing calls.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use super::compile_line::{self, Step};

/// Functions of LLVM's runtime that the linker must keep (the preload's `source_coverage/counters.rs`).
pub const LLVM_FUNCTIONS: &[&str] = &["__llvm_profile_get_size_for_buffer", "__llvm_profile_write_buffer"];

/// Function of gcc's runtime that the linker must add (the preload's `source_coverage/gcov.rs`).
const GCC_FUNCTIONS: &[&str] = &["__gcov_dump"];

/// Kind of a compiler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompilerKind {
    /// clang.
    Clang,
    /// gcc.
    Gcc,
}

impl CompilerKind {
    /// Clang counts in the syntax tree, whatever the optimiser does. gcc counts after it, where lines have merged; and
    /// several threads may count at once.
    const fn flags(self) -> &'static [&'static str] {
        match self {
            Self::Clang => &["-g", "-Qunused-arguments", "-fprofile-instr-generate", "-fcoverage-mapping"],
            Self::Gcc => &[
                "-g",
                "--coverage",
                "-fprofile-abs-path",
                "-fprofile-update=prefer-atomic",
                "-O0",
                "-U_FORTIFY_SOURCE",
            ],
        }
    }

    const fn functions(self) -> &'static [&'static str] {
        match self {
            Self::Clang => LLVM_FUNCTIONS,
            Self::Gcc => GCC_FUNCTIONS,
        }
    }
}

/// Returns the command that does what `arguments` say, with coverage.
#[must_use]
pub fn command(compiler: &Path, kind: CompilerKind, arguments: &[OsString]) -> Command {
    let mut command = Command::new(compiler);
    let step = compile_line::step(arguments);
    if step == Step::Query {
        command.args(arguments);
        return command;
    }
    command.args(compile_line::without_obstacles(arguments)).args(kind.flags());
    if matches!(step, Step::LinkExecutable | Step::LinkLibrary) {
        command.args(kind.functions().iter().map(|function| kept(function)));
    }
    command
}

/// Returns the argument that makes the linker take a function from a library, and keep it.
#[must_use]
pub fn kept(function: &str) -> String {
    format!("-Wl,-u,{function}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(kind: CompilerKind, arguments: &str) -> String {
        let arguments: Vec<_> = arguments.split_whitespace().map(OsString::from).collect();
        let command = command(Path::new("cc"), kind, &arguments);
        let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
        words.join(" ")
    }

    #[test]
    fn linked_objects_keep_the_writer() {
        for (kind, writer) in
            [(CompilerKind::Clang, "__llvm_profile_write_buffer"), (CompilerKind::Gcc, "__gcov_dump")]
        {
            assert!(!line(kind, "-c a.c").contains(writer));
            assert!(line(kind, "a.o").contains(writer));
            assert!(line(kind, "-shared a.o").contains(writer));
            assert_eq!(line(kind, "--version"), "--version");
        }
    }

    #[test]
    fn gcc_does_not_optimise() {
        assert!(line(CompilerKind::Gcc, "-O2 -c a.c").ends_with("-O0 -U_FORTIFY_SOURCE"));
        assert!(!line(CompilerKind::Clang, "-O2 -c a.c").contains("-O0"));
    }
}
