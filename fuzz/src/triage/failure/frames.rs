//! Frames of stacks, as CASR's parsers give them.

use std::sync::{Mutex, PoisonError};

use libcasr::execution_class::ExecutionClass;
use libcasr::go::GoStacktrace;
use libcasr::stacktrace::{
    DebugInfo, Filter, ParseStacktrace, STACK_FRAME_FUNCTION_IGNORE_REGEXES, Stacktrace, StacktraceEntry,
};

use crate::server::crash_stack::StackFrame;
use crate::triage::finding::{Severity, SourceLocation};

/// Function of Rust's core library that all panics go through.
const PANIC_ENTRY: &str = "panicking::panic_fmt";

/// Functions of the C library that CASR does not ignore, as regular expressions: they fail because of what others did.
const C_LIBRARY: &[&str] = &[
    "^_int_(free|malloc|realloc|memalign)",
    "^(unlink_chunk|malloc_consolidate|sysmalloc|free_check|tcache_.*)$",
    "^(start_thread|__?clone3?)$",
];

/// Functions of Rust's standard library that CASR does not ignore. Those without a source file are known by their name only.
const RUST_LIBRARY: &str = "^(core|alloc|std)::";

/// Maximum number of frames that are shown.
const MAX_FRAMES: usize = 40;

/// Maximum length of a function's name in a title, in characters.
const MAX_FUNCTION_CHARS: usize = 80;

/// Takes all that is known of the frame; what is not is empty.
impl From<&StackFrame> for StacktraceEntry {
    fn from(frame: &StackFrame) -> Self {
        let source = frame.source.as_ref();
        Self {
            address: frame.address,
            function: frame.function.clone().unwrap_or_default(),
            module: frame.module.as_ref().map_or_else(String::new, |path| path.display().to_string()),
            offset: frame.offset,
            debug: DebugInfo {
                file: source.map_or_else(String::new, |source| source.file.clone()),
                line: source.map_or(0, |source| source.line.into()),
                column: 0,
            },
        }
    }
}

/// Parsed stack.
#[derive(Debug, Clone, Default)]
pub(super) struct ParsedStack {
    frames: Stacktrace,
    /// Languages whose runtimes are not the server's own code.
    languages: &'static [&'static str],
}

impl ParsedStack {
    /// Parses the stack in a text with this parser; empty if there is none.
    pub(super) fn parse<Parser: ParseStacktrace>(text: &str) -> Self {
        let entries = Parser::extract_stacktrace(text).unwrap_or_default();
        // A frame that the parser does not know is left out.
        let frames = entries.iter().filter_map(|entry| Parser::parse_stacktrace_entry(entry).ok()).collect();
        Self { frames, languages: &["cpp", "rust"] }
    }

    /// Like [`Self::parse`], for Go, whose own functions have names that are foreign in C.
    pub(super) fn parse_go(text: &str) -> Self {
        Self { languages: &["go"], ..Self::parse::<GoStacktrace>(text) }
    }

    /// Takes the frames that a process has recorded. As in gdb's text, a frame has a place in the source or only a name, so
    /// that the same crash has the same place here and there.
    pub(super) fn of_frames(frames: &[StackFrame]) -> Self {
        let entry = |frame: &StackFrame| {
            let entry = StacktraceEntry::from(frame);
            let function = frame.function.clone().unwrap_or_else(|| frame.place_in_module());
            StacktraceEntry { function, offset: 0, ..entry }
        };
        Self { frames: frames.iter().map(entry).collect(), languages: &["cpp", "rust"] }
    }

    /// Returns the frames as text, the innermost first.
    pub(super) fn lines(&self) -> Vec<String> {
        self.failing_frames().iter().take(MAX_FRAMES).map(line).collect()
    }

    /// Returns the frames without those that handle a Rust panic, such as the server's own hook.
    fn failing_frames(&self) -> &[StacktraceEntry] {
        let handles_panic = |frame: &StacktraceEntry| frame.function.contains(PANIC_ENTRY);
        let begin = self.frames.iter().rposition(handles_panic).map_or(0, |last| last + 1);
        &self.frames[begin..]
    }

    /// Returns the frames of the server's own code: not of the runtime, the C library or a sanitizer. (CASR keeps what it
    /// ignores in global variables.)
    fn own_frames(&self) -> Stacktrace {
        static IGNORED: Mutex<()> = Mutex::new(());
        let _lock = IGNORED.lock().unwrap_or_else(PoisonError::into_inner);
        Stacktrace::init_frame_filter(self.languages);
        let mut ignored = STACK_FRAME_FUNCTION_IGNORE_REGEXES.write().unwrap_or_else(PoisonError::into_inner);
        ignored.extend(C_LIBRARY.iter().chain([&RUST_LIBRARY]).map(|&function| function.to_owned()));
        drop(ignored);
        let mut own = self.failing_frames().to_vec();
        own.filter();
        own
    }

    /// Returns the place of the innermost own frame in words, and its function if that has a name. A closure or an async
    /// function has none: then it is that of the innermost frame in the same source file that has one.
    pub(super) fn place(&self) -> Option<(String, Option<String>)> {
        let own = self.own_frames();
        let frame = innermost(&own)?;
        let is_near =
            |other: &&StacktraceEntry| frame.debug.file.is_empty() || other.debug.file == frame.debug.file;
        let is_named = |name: &&String| !name.is_empty() && !name.starts_with('{');
        let mut names = own.iter().filter(is_near).map(|frame| &frame.function);
        let name = names.find(is_named).map(|name| short_function(name));
        let module = frame.module.rsplit('/').next().unwrap_or(&frame.module);
        let place = match (&location_of(frame), frame.offset) {
            (Some(SourceLocation { file, line, column: 0 }), _) => format!("{file}:{line}"),
            (Some(SourceLocation { file, line, column }), _) => format!("{file}:{line}:{column}"),
            (None, 0) => name.clone()?,
            (None, offset) => format!("{module}+{offset:x}"),
        };
        Some((place, name))
    }

    /// Returns the place of the innermost own frame in the source.
    pub(super) fn location(&self) -> Option<SourceLocation> {
        location_of(innermost(&self.own_frames())?)
    }

    /// Returns the outer frames that all stacks have in common.
    pub(super) fn common(stacks: &[Self]) -> Self {
        let Some((first, others)) = stacks.split_first() else { return Self::default() };
        let depth = |other: &Self| {
            let pairs = first.frames.iter().rev().zip(other.frames.iter().rev());
            pairs.take_while(|(one, other)| one.function == other.function).count()
        };
        let depth = others.iter().map(depth).min().unwrap_or(first.frames.len());
        Self { frames: first.frames[first.frames.len() - depth..].to_vec(), ..first.clone() }
    }
}

/// Returns the innermost frame whose place is known; the innermost of all if none is.
fn innermost(frames: &Stacktrace) -> Option<&StacktraceEntry> {
    let is_known = |frame: &&StacktraceEntry| location_of(frame).is_some() || frame.offset > 0;
    frames.iter().find(is_known).or_else(|| frames.first())
}

fn location_of(frame: &StacktraceEntry) -> Option<SourceLocation> {
    let debug = &frame.debug;
    let is_known = !debug.file.is_empty() && debug.line > 0;
    is_known.then(|| SourceLocation { file: debug.file.clone(), line: debug.line, column: debug.column })
}

fn line(frame: &StacktraceEntry) -> String {
    let function = if frame.function.is_empty() { "??" } else { &frame.function };
    let debug = &frame.debug;
    match (debug.file.is_empty(), frame.module.is_empty()) {
        (false, _) if debug.line > 0 => format!("{function} ({}:{})", debug.file, debug.line),
        (false, _) => format!("{function} ({})", debug.file),
        (true, false) if frame.offset > 0 => format!("{function} ({}+{:#x})", frame.module, frame.offset),
        (true, false) => format!("{function} ({})", frame.module),
        (true, true) => function.to_owned(),
    }
}

/// Returns the name of a function without arguments and types, and without the hash at the end of Rust's names. A name
/// that begins with a type (`<T as Trait>::method`) is kept whole.
fn short_function(name: &str) -> String {
    let name = match name.rsplit_once("::h") {
        Some((path, hash)) if hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => path,
        _ => name,
    };
    let end = if name.starts_with(['(', '<']) { None } else { name.find(['(', '<']) };
    let name = name[..end.unwrap_or(name.len())].trim().trim_end_matches("::");
    name.chars().take(MAX_FUNCTION_CHARS).collect()
}

/// Converts CASR's class.
pub(super) fn severity(class: &ExecutionClass) -> Severity {
    Severity {
        level: class.severity.clone(),
        class: class.short_description.clone(),
        description: class.description.clone(),
    }
}
