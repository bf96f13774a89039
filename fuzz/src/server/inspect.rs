//! Inspection of a server's executable before it is run: whether a library can be preloaded into it, and
//! whether it is instrumented.

use std::fmt;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::Result;
use indicatif::HumanCount;
use object::elf::{FileHeader64, PT_INTERP};
use object::read::elf::{ElfFile, ProgramHeader};
use object::{Architecture, Endianness, Object, ObjectSymbol, SymbolKind};
use sockfuzz_protocol::HASH_KEYS_SYMBOL;

use super::command::Server;
use super::edges::Edges;
use crate::util::{exit_code, problem::Problem};

/// Symbols of AFL++'s runtime; each of them proves that the runtime is linked in.
const RUNTIME_SYMBOLS: &[&str] = &["__afl_persistent_loop", "__afl_area_ptr", "__afl_sharedmem_fuzzing"];

/// String in every AFL++ runtime, even a stripped one; afl-fuzz searches for it as well.
const RUNTIME_MARK: &[u8] = b"__AFL_SHM_ID";

/// Alternative to a build with instrumentation.
const UNINSTRUMENTED_HINT: &str = "or fuzz it as it is, by its answers alone, with --uninstrumented";

const ASAN_SYMBOL: &str = "__asan_init";

/// Location of the AFL++ runtime's symbols.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instrumentation {
    /// There is no runtime.
    None,
    /// In the dynamic symbols, as afl-cc links it.
    DynamicSymbols,
    /// In the symbol table only, as `cargo afl build` links it.
    SymbolTable,
    /// The runtime is present, but its symbols were stripped.
    Stripped,
}

impl fmt::Display for Instrumentation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "not instrumented",
            Self::DynamicSymbols => "instrumented (AFL++ runtime in the dynamic symbols)",
            Self::SymbolTable => "instrumented (AFL++ runtime in the symbol table)",
            Self::Stripped => "instrumented, but stripped of the AFL++ runtime's symbols",
        })
    }
}

/// Properties of an executable into which a library can be preloaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// ELF file that is executed: the server, or the interpreter of a script.
    pub executable: PathBuf,
    /// Whether the server is a script.
    pub script: bool,
    /// Kind of instrumentation.
    pub instrumentation: Instrumentation,
    /// Edges of the executable.
    pub edges: Edges,
    /// Whether AddressSanitizer is linked in.
    pub asan: bool,
    /// Whether the preload can reset the keys of hash maps of Rust's std.
    pub has_hash_keys: bool,
}

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.script {
            write!(f, "a script, run by {}, ", self.executable.display())?;
        }
        write!(f, "dynamically linked, {}", self.instrumentation)?;
        if self.edges.count > 0 {
            write!(f, ", {} edges", HumanCount(self.edges.count))?;
        }
        f.write_str(if self.asan { ", AddressSanitizer" } else { "" })
    }
}

impl Inspection {
    /// Returns a warning if a main part of the server seems not to be instrumented.
    #[must_use]
    pub fn sparse_instrumentation(&self) -> Option<String> {
        self.edges.warning(self.asan)
    }

    /// Returns how to instrument the server; `None` if it is instrumented.
    #[must_use]
    pub fn missing_instrumentation(&self) -> Option<&'static str> {
        match self.instrumentation {
            Instrumentation::DynamicSymbols | Instrumentation::SymbolTable => None,
            Instrumentation::Stripped => Some(
                "build it without stripping (Rust: strip = false in the profile; C: install \
                 without -s)",
            ),
            Instrumentation::None => Some(
                "build a Rust server with sockfuzz cargo build --release, and a C or C++ server with \
                 CC='sockfuzz cc' CXX='sockfuzz c++'",
            ),
        }
    }

    /// Whether the server does not contain AFL++'s runtime.
    #[must_use]
    pub fn is_uninstrumented(&self) -> bool {
        self.instrumentation == Instrumentation::None
    }

    /// Checks that the server is instrumented.
    ///
    /// # Errors
    /// When the symbols of the runtime were stripped, or when there is no runtime and `uninstrumented` is not
    /// set.
    pub fn require_instrumentation(&self, uninstrumented: bool) -> Result<()> {
        let remedy = match self.missing_instrumentation() {
            None => return Ok(()),
            Some(_) if uninstrumented && self.is_uninstrumented() => return Ok(()),
            Some(remedy) if self.is_uninstrumented() => format!("{remedy}; {UNINSTRUMENTED_HINT}"),
            Some(remedy) => remedy.to_owned(),
        };
        let shown = self.executable.display();
        let what = format!("the server {shown} is {}", self.instrumentation);
        Err(Problem::new(exit_code::NOT_INSTRUMENTED, what, remedy).into())
    }
}

/// Inspects the executable of the server.
///
/// # Errors
/// When the executable cannot be read, or the dynamic linker would not preload a library into it.
pub fn inspect(server: &Server) -> Result<Inspection> {
    let interpreter = script_interpreter(&fs::read(&server.program)?);
    let script = interpreter.is_some();
    let executable = interpreter.unwrap_or_else(|| server.program.clone());
    let content = fs::read(&executable).map_err(|error| {
        let what = format!("{} cannot be read: {error}", executable.display());
        Problem::new(exit_code::NOT_EXECUTABLE, what, "check the path and its permissions")
    })?;
    refuse_privileged(&executable)?;
    let elf = ElfFile::<FileHeader64<Endianness>>::parse(&*content)
        .ok()
        .filter(|elf| elf.architecture() == this_machine())
        .ok_or_else(|| {
            unfit(
                &executable,
                "is not a program for this machine",
                "give an ELF executable of this architecture, or a script with a #! line",
            )
        })?;
    if !is_dynamic(&elf) {
        let remedy = "link it dynamically: without -static; Rust: not for a musl target, without \
                      crt-static; Go: with cgo";
        return Err(
            unfit(&executable, "is statically linked, so nothing can be preloaded into it", remedy).into()
        );
    }
    Ok(Inspection {
        instrumentation: instrumentation(&elf, &content),
        edges: Edges::of(&elf),
        asan: server.sanitizer.as_ref().is_some_and(|runtime| runtime.contains("asan"))
            || has_symbol(elf.dynamic_symbols(), &[ASAN_SYMBOL])
            || has_symbol(elf.symbols(), &[ASAN_SYMBOL]),
        has_hash_keys: elf.symbols().any(|symbol| is_hash_keys(&symbol)),
        executable,
        script,
    })
}

type Elf<'data> = ElfFile<'data, FileHeader64<Endianness>>;

fn is_dynamic(elf: &Elf<'_>) -> bool {
    // Without an interpreter even a position-independent executable is static.
    elf.elf_program_headers().iter().any(|segment| segment.p_type(elf.endian()) == PT_INTERP)
}

fn instrumentation(elf: &Elf<'_>, content: &[u8]) -> Instrumentation {
    let marked = || content.windows(RUNTIME_MARK.len()).any(|window| window == RUNTIME_MARK);
    if has_symbol(elf.dynamic_symbols(), RUNTIME_SYMBOLS) {
        Instrumentation::DynamicSymbols
    } else if has_symbol(elf.symbols(), RUNTIME_SYMBOLS) {
        Instrumentation::SymbolTable
    } else if marked() {
        Instrumentation::Stripped
    } else {
        Instrumentation::None
    }
}

fn has_symbol<'data>(mut symbols: impl Iterator<Item = impl ObjectSymbol<'data>>, names: &[&str]) -> bool {
    symbols.any(|symbol| symbol.is_definition() && symbol.name().is_ok_and(|n| names.contains(&n)))
}

fn is_hash_keys<'data>(symbol: &impl ObjectSymbol<'data>) -> bool {
    symbol.kind() == SymbolKind::Tls
        && !symbol.is_undefined()
        && symbol.name().is_ok_and(|name| name.contains(HASH_KEYS_SYMBOL))
}

/// Returns the program in a script's `#!` line (execve(2)).
fn script_interpreter(content: &[u8]) -> Option<PathBuf> {
    let line = content.strip_prefix(b"#!")?.split(|&b| b == b'\n').next()?;
    let program = line.trim_ascii_start().split(u8::is_ascii_whitespace).next()?;
    Some(Path::new(std::ffi::OsStr::from_bytes(program)).to_owned())
}

/// Refuses a program that gains privileges, in which the dynamic linker ignores LD_PRELOAD (ld.so(8), "secure
/// execution mode").
fn refuse_privileged(executable: &Path) -> Result<(), Problem> {
    let gains = |metadata: fs::Metadata| {
        let mode = metadata.mode();
        let user = rustix::process::geteuid().as_raw();
        let group = rustix::process::getegid().as_raw();
        (mode & 0o4000 != 0 && metadata.uid() != user) || (mode & 0o2000 != 0 && metadata.gid() != group)
    };
    if fs::metadata(executable).is_ok_and(gains) {
        return Err(unfit(
            executable,
            "is setuid or setgid, so the dynamic linker preloads nothing into it",
            "fuzz a copy without these bits, made with cp",
        ));
    }
    Ok(())
}

fn unfit(executable: &Path, is: &str, remedy: &str) -> Problem {
    let what = format!("the server {} {is}", executable.display());
    Problem::new(exit_code::NOT_PRELOADABLE, what, remedy)
}

fn this_machine() -> Architecture {
    if cfg!(target_arch = "x86_64") {
        Architecture::X86_64
    } else if cfg!(target_arch = "aarch64") {
        Architecture::Aarch64
    } else {
        Architecture::Unknown
    }
}
