//! `sockfuzz cc` and `sockfuzz c++`: compilers that instrument.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;

use crate::toolchain::clang::{self, Language};
use crate::toolchain::coverage::{self, CompilerKind};
use crate::toolchain::instrument::{self, Instruments};
use crate::toolchain::runtime;
use crate::util::exit_code;

/// Shown below the help text.
pub const EXAMPLES: &str = "\
Give it as the compiler to any build system:
  CC='sockfuzz cc' CXX='sockfuzz c++' ./configure && make
  make CC='sockfuzz cc'
  CC='sockfuzz cc' CXX='sockfuzz c++' cmake -B build
  CC='sockfuzz cc' CXX='sockfuzz c++' meson setup build
  CC='sockfuzz cc --asan' ./configure          with AddressSanitizer
  CC='sockfuzz cc --coverage' ./configure      with coverage of source lines, for sockfuzz cover

It runs the newest clang on PATH with the arguments that it is given, and adds -g, the flags of AFL++'s coverage and, \
when it links an executable, AFL++'s runtime. It removes -static (a static program cannot be preloaded), -s, -flto, and \
-Wl,-z,defs (libraries take the runtime from the executable). Other flags, such as -O2, stay as the build system has \
them. Link the server's own libraries statically if you can (--disable-shared, -DBUILD_SHARED_LIBS=OFF): a library that \
is loaded by dlopen is not covered.

With --coverage, it adds the compiler's own coverage instead (clang: -fprofile-instr-generate -fcoverage-mapping; gcc: \
--coverage, with -O0), and keeps the functions that write it. Such a build is for sockfuzz cover, not for fuzzing.

Exit status: the compiler's.";

/// Arguments of `cc` and `c++`.
#[derive(Debug, Args)]
pub struct CompilerArguments {
    /// Add AddressSanitizer
    #[arg(long)]
    pub asan: bool,
    /// Add UndefinedBehaviorSanitizer; what it reports ends the server
    #[arg(long)]
    pub ubsan: bool,
    /// Instrument comparisons for cmplog (the default)
    #[arg(long, overrides_with = "no_cmplog")]
    pub cmplog: bool,
    /// Do not instrument comparisons: a little faster, but afl-fuzz learns less about magic values
    #[arg(long)]
    pub no_cmplog: bool,
    /// The clang to use [default: the newest on PATH]
    #[arg(long, value_name = "PROGRAM")]
    pub clang: Option<OsString>,
    /// Install clang with apt-get (Debian and its relatives; needs root), and do nothing else if no arguments follow
    #[arg(long)]
    pub install_deps: bool,
    /// Add coverage of source lines instead of AFL++'s: for sockfuzz cover
    #[arg(long, conflicts_with_all = ["asan", "ubsan", "cmplog", "no_cmplog"])]
    pub coverage: bool,
    /// With --coverage, compile with gcc
    #[arg(long, requires = "coverage", conflicts_with_all = ["clang", "install_deps"])]
    pub gcc: bool,
    /// Arguments of the compiler
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
    pub arguments: Vec<OsString>,
}

/// Becomes the compiler.
///
/// # Errors
/// When there is no clang or no runtime.
pub fn run(language: Language, arguments: &CompilerArguments) -> Result<u8> {
    if arguments.install_deps {
        clang::install()?;
        if arguments.arguments.is_empty() {
            return Ok(exit_code::OK);
        }
    }
    let mut command = command(language, arguments)?;
    let error = command.exec();
    Err(error).with_context(|| format!("cannot start {}", command.get_program().display()))
}

fn command(language: Language, arguments: &CompilerArguments) -> Result<Command> {
    if arguments.gcc {
        let gcc = Path::new(language.gcc_driver());
        return Ok(coverage::command(gcc, CompilerKind::Gcc, &arguments.arguments));
    }
    let clang = clang::find(language, arguments.clang.as_deref())?;
    if arguments.coverage {
        return Ok(coverage::command(&clang, CompilerKind::Clang, &arguments.arguments));
    }
    let runtime = runtime::find_or_install()?;
    let instruments =
        Instruments { cmplog: !arguments.no_cmplog, asan: arguments.asan, ubsan: arguments.ubsan };
    Ok(instrument::command(&clang, &runtime, instruments, &arguments.arguments))
}
