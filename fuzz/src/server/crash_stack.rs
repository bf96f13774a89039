//! Stack of a crash in a single run, as the crashing process itself has recorded it through the preload: it needs neither
//! a debugger nor a sanitizer.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use sockfuzz_protocol::PRELOAD_FILE;
use sockfuzz_protocol::crash_record::{CrashAccess, CrashRecord};

use crate::server::symbols::{ModuleSymbols, NamedFunction, SourceLine, regular_file};
use crate::util::memory_file::MemoryFile;

/// Parts of the names of functions that all Rust panics go through.
const PANIC_ENTRIES: &[&str] = &["panicking::panic_fmt", "panicking::begin_panic"];

/// Begin the names of functions of Rust's own libraries.
const RUST_LIBRARIES: &[&str] = &["core::", "std::", "alloc::"];

/// Maximum length of what the processes of a run record. The server may write to the file, too.
const MAX_RECORDED_BYTES: u64 = 4 << 20;

/// Number of bytes of the instruction, and of those that follow it.
const CODE_BYTES: usize = 64;

/// Stands behind the path of a file that no longer exists (proc_pid_maps(5)).
const DELETED: &str = " (deleted)";

/// Crash that a process has recorded. Addresses have no names yet, because it takes time to read these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedCrash {
    record: CrashRecord,
    mappings: Vec<Mapping>,
}

/// Mapped code.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mapping {
    begin: u64,
    end: u64,
    offset: u64,
    path: PathBuf,
}

/// Frame of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackFrame {
    /// Address in the process.
    pub address: u64,
    /// Name of the function.
    pub function: Option<String>,
    /// Place in the source.
    pub source: Option<SourceLine>,
    /// File with the code.
    pub module: Option<PathBuf>,
    /// Address in that file, as the file numbers it; otherwise that in the process.
    pub offset: u64,
}

/// State of a process at its crash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrashStack {
    /// Signal.
    pub signal: i32,
    /// Reason for it (sigaction(2), `si_code`).
    pub code: i32,
    /// Thread that crashed.
    pub thread: i32,
    /// Address whose access failed.
    pub address: Option<u64>,
    /// Whether that was a write.
    pub is_write: Option<bool>,
    /// Address of the instruction.
    pub instruction: u64,
    /// Stack pointer.
    pub stack_pointer: u64,
    /// Machine code from the instruction on; empty if it is in no file.
    pub machine_code: Vec<u8>,
    /// Frames, the innermost first. Functions that were inlined have frames of their own.
    pub frames: Vec<StackFrame>,
}

impl RecordedCrash {
    /// Reads the crash that ended a run with this status; `None` if none did, or if it has not been recorded.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn of_end(recorded: &MemoryFile, end: ExitStatus) -> io::Result<Option<Self>> {
        let Some(signal) = end.signal() else { return Ok(None) };
        Ok(Self::of_run(&recorded.content_up_to(MAX_RECORDED_BYTES)?, signal))
    }

    /// Finds the crash that ended a run by `signal` in what its processes have recorded.
    #[must_use]
    pub fn of_run(recorded: &[u8], signal: i32) -> Option<Self> {
        let mut crashes: Vec<Self> = Vec::new();
        let mut rest = recorded;
        while let Some((record, mappings, behind)) = CrashRecord::decode(rest) {
            rest = behind;
            let text = String::from_utf8_lossy(mappings);
            crashes.push(Self { record, mappings: text.lines().filter_map(Mapping::parse).collect() });
        }
        let last = crashes.iter().rposition(|crash| crash.record.signal == signal)?;
        // A handler of the server's may end it by another signal than the one that it handles.
        let handled = |crash: &&Self| crash.is_handled_in(&crashes[last]);
        Some(crashes[..last].iter().find(handled).unwrap_or(&crashes[last]).clone())
    }

    /// Whether the other crash occurred in a handler of this one, and so has its instruction on the stack.
    fn is_handled_in(&self, other: &Self) -> bool {
        self.record.thread == other.record.thread && other.record.calls().contains(&self.record.instruction)
    }

    /// Looks up the names of the functions.
    #[must_use]
    pub fn stack(&self) -> CrashStack {
        let Self { record, .. } = self;
        let mut modules = HashMap::new();
        let mut frames = self.frames_at(record.instruction, 0, &mut modules);
        for &call in record.calls() {
            // The call is the instruction before the address to which it returns.
            frames.extend(self.frames_at(call, 1, &mut modules));
        }
        frames.retain(|frame| !frame.is_preloads());
        without_panic(&mut frames);
        CrashStack {
            signal: record.signal,
            code: record.code,
            thread: record.thread,
            address: self.failed_address(),
            is_write: match record.access {
                CrashAccess::Unknown => None,
                access => Some(access == CrashAccess::Write),
            },
            instruction: record.instruction,
            stack_pointer: record.stack_pointer,
            machine_code: self.machine_code().unwrap_or_default(),
            frames,
        }
    }

    /// Returns the address whose access failed. (The kernel does not know one that no access can have.)
    fn failed_address(&self) -> Option<u64> {
        let is_access = [libc::SIGSEGV, libc::SIGBUS].contains(&self.record.signal);
        let is_known = self.record.code > 0 && self.record.code != SI_KERNEL;
        (is_access && is_known).then_some(self.record.address)
    }

    fn mapping(&self, address: u64) -> Option<&Mapping> {
        self.mappings.iter().find(|mapping| (mapping.begin..mapping.end).contains(&address))
    }

    fn frames_at<'a>(
        &'a self,
        address: u64,
        back: u64,
        modules: &mut HashMap<&'a Path, Option<ModuleSymbols>>,
    ) -> Vec<StackFrame> {
        let lookup = address.saturating_sub(back);
        let Some(mapping) = self.mapping(lookup) else {
            let unknown = StackFrame { address, function: None, source: None, module: None, offset: address };
            return vec![unknown];
        };
        let path = mapping.path.as_path();
        let symbols = modules.entry(path).or_insert_with(|| ModuleSymbols::read(path));
        let in_file = mapping.offset + (lookup - mapping.begin);
        let in_module = symbols.as_ref().and_then(|symbols| symbols.address(in_file));
        let mut functions = match (symbols, in_module) {
            (Some(symbols), Some(address)) => symbols.functions_at(address),
            _ => Vec::new(),
        };
        if functions.is_empty() {
            functions.push(NamedFunction::default());
        }
        let frame = |NamedFunction { name, source }| StackFrame {
            address,
            function: name.map(|name| name.replace(char::is_control, "")),
            source,
            module: Some(mapping.path.clone()),
            offset: in_module.unwrap_or(in_file) + back,
        };
        functions.into_iter().map(frame).collect()
    }

    /// Reads the machine code at the instruction from its file.
    fn machine_code(&self) -> Option<Vec<u8>> {
        let instruction = self.record.instruction;
        let mapping = self.mapping(instruction)?;
        let length = usize::try_from(mapping.end - instruction).unwrap_or(CODE_BYTES).min(CODE_BYTES);
        let mut bytes = vec![0; length];
        let file = regular_file(&mapping.path)?;
        file.read_exact_at(&mut bytes, mapping.offset + (instruction - mapping.begin)).ok()?;
        Some(bytes)
    }
}

/// Reason for a signal that the kernel has sent without a further reason (sigaction(2)).
pub const SI_KERNEL: i32 = 0x80;

impl Mapping {
    /// Parses a line of proc_pid_maps(5). Returns `None` for memory that is no file.
    fn parse(line: &str) -> Option<Self> {
        let mut rest = line;
        let mut next = || {
            let (field, behind) = rest.trim_start().split_once(' ')?;
            rest = behind;
            Some(field)
        };
        let (begin, end) = next()?.split_once('-')?;
        let (_permissions, offset, _device, _inode) = (next()?, next()?, next()?, next()?);
        let number = |digits| u64::from_str_radix(digits, 16).ok();
        let path = rest.trim_start();
        let path = path.strip_suffix(DELETED).unwrap_or(path);
        // The kernel escapes line ends; other control characters would reach the terminal.
        (path.starts_with('/') && !path.contains(char::is_control)).then_some(())?;
        Some(Self { begin: number(begin)?, end: number(end)?, offset: number(offset)?, path: path.into() })
    }
}

impl StackFrame {
    /// Whether it is code of sockfuzz in the server's process.
    fn is_preloads(&self) -> bool {
        self.module.as_ref().and_then(|module| module.file_name()).is_some_and(|name| name == PRELOAD_FILE)
    }

    /// Returns the name of the file and the address in it.
    #[must_use]
    pub fn place_in_module(&self) -> String {
        let name = self.module.as_ref().and_then(|module| module.file_name());
        let name = name.map_or_else(|| "??".into(), |name| name.to_string_lossy());
        format!("{name}+{:#x}", self.offset)
    }

    fn is_function(&self, is: impl Fn(&str) -> bool) -> bool {
        self.function.as_deref().is_some_and(is)
    }
}

/// Leaves out the frames of a Rust panic, down to the one that panics.
fn without_panic(frames: &mut Vec<StackFrame>) {
    let is_entry = |name: &str| PANIC_ENTRIES.iter().any(|entry| name.contains(entry));
    let is_library = |name: &str| RUST_LIBRARIES.iter().any(|library| name.starts_with(library));
    let Some(entry) = frames.iter().rposition(|frame| frame.is_function(is_entry)) else { return };
    let own = frames.iter().skip(entry).position(|frame| !frame.is_function(is_library));
    frames.drain(..own.map_or(entry, |own| entry + own));
}

impl fmt::Display for StackFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.function, &self.source) {
            (None, None) => f.write_str(&self.place_in_module()),
            (name, Some(SourceLine { file, line })) => {
                write!(f, "{} at {file}:{line}", name.as_deref().unwrap_or("??"))
            }
            (Some(name), None) => write!(f, "{name} in {}", self.place_in_module()),
        }
    }
}

impl fmt::Display for CrashStack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(address) = self.address {
            let access = match self.is_write {
                Some(true) => "write to",
                Some(false) => "read of",
                None => "access to",
            };
            writeln!(f, "{access} {address:#x}")?;
        }
        for (number, frame) in self.frames.iter().enumerate() {
            let end = if number + 1 < self.frames.len() { "\n" } else { "" };
            write!(f, "#{number:<3}{frame}{end}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
