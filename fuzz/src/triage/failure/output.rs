//! Reports in the server's own output: sanitizers, Rust panics, Go panics.

use libcasr::asan::{AsanContext, AsanStacktrace};
use libcasr::exception::Exception;
use libcasr::execution_class::ExecutionClass;
use libcasr::go::GoPanic;
use libcasr::rust::{RustPanic, RustStacktrace};
use libcasr::severity::Severity;
use libcasr::ubsan::UbsanWarning;

use super::FailureReport;
use super::frames::{ParsedStack, severity};
use crate::triage::finding::{FailureKind, SourceLocation};

/// Begins the place in a Rust panic's message.
const PANICKED_AT: &str = "panicked at ";

/// Substrings of the first line of a sanitizer's report.
const SANITIZER_ERRORS: &[&str] = &["Sanitizer: ", "Sanitizer:DEADLYSIGNAL"];

/// Begins the stack of a Go panic.
const GOROUTINE: &str = "\ngoroutine ";

/// Identifies a report of the UndefinedBehaviorSanitizer.
const RUNTIME_ERROR: &str = ": runtime error: ";

/// Identifies the standard library in the path of a source file.
const RUST_LIBRARY: &[&str] = &["/rustc/", "/lib/rustlib/src/", "library/"];

/// Begins and ends what a Rust program writes before it aborts for lack of memory.
const FAILED_ALLOCATION: (&str, &str) = ("memory allocation of ", " bytes failed");

/// Minimum number of digits of a crate's hash. (Leading zeros are left out.)
const MIN_HASH_DIGITS: usize = 12;

/// Maximum length of a panic's message in a title, in characters.
const MAX_MESSAGE_CHARS: usize = 100;

impl FailureReport {
    /// Reads the report of a sanitizer or a panic in a server's output; `None` if there is none.
    #[must_use]
    pub fn in_output(output: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(output);
        // Go's panics resemble reports of UBSan, which come from no Go program.
        of_sanitizer(&text)
            .or_else(|| of_go_panic(&text))
            .or_else(|| of_runtime_error(&text))
            .or_else(|| of_rust_panic(&text))
    }

    /// Names the cause of an abort if a Rust program has written that an allocation failed: it writes no stack, so `report`
    /// is what a debugger tells of the crash.
    #[must_use]
    pub fn with_failed_allocation(report: Option<Self>, output: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(output);
        let (begin, end) = FAILED_ALLOCATION;
        if !text.lines().any(|line| line.starts_with(begin) && line.ends_with(end)) {
            return report;
        }
        let report = report.unwrap_or_else(|| with_stack(FailureKind::Crash, None, &ParsedStack::default()));
        Some(Self { class: "memory allocation failed".to_owned(), ..report })
    }
}

fn of_sanitizer(text: &str) -> Option<FailureReport> {
    let is_error = |line: &str| line.contains("ERROR: ") || line.contains("WARNING: ");
    let lines: Vec<&str> = text.lines().collect();
    let begin = lines
        .iter()
        .position(|line| is_error(line) && SANITIZER_ERRORS.iter().any(|mark| line.contains(mark)))?;
    let report: Vec<String> = lines[begin..].iter().map(|line| (*line).to_owned()).collect();
    let class = AsanContext(report.clone()).severity().ok();
    Some(with_stack(FailureKind::Crash, class, &ParsedStack::parse::<AsanStacktrace>(&report.join("\n"))))
}

fn of_runtime_error(text: &str) -> Option<FailureReport> {
    let begin = text.lines().position(|line| line.contains(RUNTIME_ERROR))?;
    let lines: Vec<&str> = text.lines().skip(begin).collect();
    let end = lines.iter().position(|line| line.contains("SUMMARY: UndefinedBehaviorSanitizer"));
    let message = lines[..end.map_or(lines.len(), |end| end + 1)].join("\n");
    let class = UbsanWarning { message: message.clone() }.severity().ok();
    let mut report = with_stack(
        FailureKind::Crash,
        class,
        &ParsedStack::parse::<AsanStacktrace>(&format!("{message}\n\n")),
    );
    let first = lines.first()?;
    let (place, error) = first.split_once(RUNTIME_ERROR)?;
    report.class = shortened(error);
    report.location = location(place).or(report.location);
    report.place = Some(place.to_owned());
    Some(report)
}

fn of_rust_panic(text: &str) -> Option<FailureReport> {
    let text = &without_crate_hashes(text);
    let begin = text.find(PANICKED_AT)?;
    let class = RustPanic::parse_exception(text);
    let line = text[begin + PANICKED_AT.len()..].lines().next().unwrap_or_default();
    let at = location(line.trim_end_matches(':'));
    let stack = ParsedStack::parse::<RustStacktrace>(&text[begin..]);
    let mut report = with_stack(FailureKind::Panic, class.clone(), &stack);
    let message = class.map_or(String::new(), |class| class.description);
    // RustPanic keeps the message where other classes have their name.
    let message =
        if message.is_empty() { "panic".to_owned() } else { format!("panic: {}", shortened(&message)) };
    report.class = message;
    let is_library = |at: &SourceLocation| RUST_LIBRARY.iter().any(|path| at.file.contains(path));
    if let Some(at) = at.filter(|at| !is_library(at) || report.location.is_none()) {
        report.place = Some(format!("{}:{}:{}", at.file, at.line, at.column));
        report.location = Some(at);
    }
    Some(report)
}

fn of_go_panic(text: &str) -> Option<FailureReport> {
    let class = GoPanic::parse_exception(text).filter(|_| text.contains(GOROUTINE))?;
    let message = shortened(&class.description);
    let stack = ParsedStack::parse_go(text);
    let report = with_stack(FailureKind::Panic, Some(class), &stack);
    Some(FailureReport { class: format!("panic: {message}"), ..report })
}

fn with_stack(kind: FailureKind, class: Option<ExecutionClass>, stack: &ParsedStack) -> FailureReport {
    let (place, function) = stack.place().map_or((None, None), |(place, function)| (Some(place), function));
    FailureReport {
        kind,
        class: class.as_ref().map_or("sanitizer report".to_owned(), |class| class.short_description.clone()),
        severity: class.as_ref().map(severity),
        function,
        location: stack.location(),
        place,
        stack: stack.lines(),
    }
}

/// Removes the hashes of crates from names of functions (`core[c1f1a4ba060b9bfa]::fmt::write`), so that CASR knows the
/// standard library's.
fn without_crate_hashes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(begin) = rest.find('[') {
        plain.push_str(&rest[..begin]);
        let hash = rest[begin + 1..].split(']').next().unwrap_or_default();
        let is_hash = hash.len() >= MIN_HASH_DIGITS && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        let end = if is_hash { begin + hash.len() + 2 } else { begin + 1 };
        if !is_hash {
            plain.push('[');
        }
        rest = rest.get(end..).unwrap_or_default();
    }
    plain + rest
}

/// Parses `file:line:column` or `file:line`.
fn location(text: &str) -> Option<SourceLocation> {
    let parts: Vec<&str> = text.rsplitn(3, ':').collect();
    let number = |index: usize| parts.get(index)?.parse::<u64>().ok();
    Some(match (number(1), number(0)) {
        (Some(line), Some(column)) => SourceLocation { file: (*parts.get(2)?).to_owned(), line, column },
        (None, Some(line)) => SourceLocation { file: text.rsplit_once(':')?.0.to_owned(), line, column: 0 },
        _ => return None,
    })
}

fn shortened(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    line.chars().filter(|character| !character.is_control()).take(MAX_MESSAGE_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rust_panic_has_its_place_and_message() {
        let output = b"listening\nthread 'worker' (17) panicked at src/route.rs:12:5:\nindex out of bounds: the len is 0\nnote: run";
        let report = FailureReport::in_output(output).expect("a panic");
        assert_eq!(report.kind, FailureKind::Panic);
        assert_eq!(report.place.as_deref(), Some("src/route.rs:12:5"));
        assert_eq!(report.title(), "panic: index out of bounds: the len is 0 (route.rs:12)");
    }

    #[test]
    fn a_panic_in_the_standard_library_has_the_place_of_its_caller() {
        let output = b"thread 'main' panicked at /rustc/59807616e/library/alloc/src/raw_vec.rs:28:5:\ncapacity overflow\n\
            stack backtrace:\n   0:     0x557e259f793c - std::backtrace_rs::backtrace::trace\n                               at /rustc/59807616e/library/std/src/backtrace.rs:93:5\n   \
            1:     0x557e2596a26a - core[c1f1a4ba060b9bfa]::fmt::write\n   2:     0x557e2596a26a - server::parse::h8376bf2914730228\n                               at /home/me/server/src/parse.rs:90:9\n";
        let report = FailureReport::in_output(output).expect("a panic");
        assert_eq!(report.title(), "panic: capacity overflow in server::parse (parse.rs:90)");
    }

    #[test]
    fn the_place_of_a_panic_is_the_innermost_one_that_is_known() {
        let output = b"thread 'w' (9) panicked at /rustc/58cf8f9c/library/core/src/str/mod.rs:862:21:\n\
            end byte index 5 is not a char boundary\nstack backtrace:\n   0: 0x557e2596a26a - core::panicking::panic_fmt\n             at /rustc/58cf8f9c/library/core/src/panicking.rs:80:14\n   \
            1: 0x557e2596a26a - core::str::slice_error_fail_rt\n   2: 0x557e2596a26a - at<alloc::boxed::Box<dyn Route>>\n   3: 0x557e2596a26a - at<alloc::boxed::Box<dyn Route>>\n             at /home/me/router/src/router.rs:62:19\n   \
            4: 0x557e2596a26a - main\n             at /home/me/server/src/main.rs:9:5\n";
        let report = FailureReport::in_output(output).expect("a panic");
        assert_eq!(report.title(), "panic: end byte index 5 is not a char boundary in at (router.rs:62)");
    }

    #[test]
    fn a_panic_hook_is_not_the_place() {
        let output = b"thread 'w' (9) panicked at /home/me/web/src/request.rs:129:74:\nno number\nstack backtrace:\n   \
            0: 0x557e2596a26a - {closure#0}\n             at /home/me/generator/src/gen.rs:19:13\n   1: 0x557e2596a26a - core::panicking::panic_fmt\n             at /rustc/58cf8f9c/library/core/src/panicking.rs:80:14\n   \
            2: 0x557e2596a26a - content_length\n             at /home/me/web/src/request.rs:129:74\n   3: 0x557e2596a26a - catch_unwind_filter\n             at /home/me/generator/src/gen.rs:40:1\n";
        let report = FailureReport::in_output(output).expect("a panic");
        assert_eq!(report.title(), "panic: no number in content_length (request.rs:129)");
    }

    #[test]
    fn an_async_function_does_not_have_the_name_of_its_executor() {
        let output = b"thread 'w' (9) panicked at /rustc/58cf8f9c/library/alloc/src/raw_vec/mod.rs:28:5:\n\
            capacity overflow\nstack backtrace:\n   0: 0x557e2596a26a - core::panicking::panic_fmt\n             at /rustc/58cf8f9c/library/core/src/panicking.rs:80:14\n   \
            1: 0x557e2596a26a - {async_fn#0}<(), RequestBody>\n             at /home/me/web/src/body.rs:54:31\n   2: 0x557e2596a26a - with_mut<tokio::runtime::task::core::Stage>\n             at /home/me/tokio/src/unsafe_cell.rs:16:9\n";
        let report = FailureReport::in_output(output).expect("a panic");
        assert_eq!(report.title(), "panic: capacity overflow (body.rs:54)");
    }

    #[test]
    fn a_report_of_asan_has_class_function_and_severity() {
        let output = b"=================================================================\n\
            ==7==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x60200000eff8 at pc 0x4f9 bp 0x7 sp 0x7\n\
            WRITE of size 1 at 0x60200000eff8 thread T0\n    #0 0x4f9b1d in __asan_memcpy (/srv/server+0x4f9b1d)\n    \
            #1 0x52433e in copy_name /srv/name.c:24:10\n    #2 0x52433f in main /srv/main.c:7:1\n\n\
            SUMMARY: AddressSanitizer: heap-buffer-overflow /srv/name.c:24:10 in copy_name\n";
        let report = FailureReport::in_output(output).expect("a report");
        assert_eq!(report.title(), "heap-buffer-overflow(write) in copy_name (name.c:24)");
        assert_eq!(report.severity.map(|severity| severity.level).as_deref(), Some("EXPLOITABLE"));
    }

    #[test]
    fn a_runtime_error_has_its_place() {
        let output = b"/srv/length.c:31:14: runtime error: signed integer overflow: 2147483647 + 1 cannot be represented\n    \
            #0 0x52433e in length /srv/length.c:31:14\n\nSUMMARY: UndefinedBehaviorSanitizer: undefined-behavior /srv/length.c:31:14 in\n";
        let report = FailureReport::in_output(output).expect("a report");
        assert_eq!(report.place.as_deref(), Some("/srv/length.c:31:14"));
        assert!(report.class.starts_with("signed integer overflow"), "{}", report.class);
    }

    #[test]
    fn a_go_panic_has_its_function() {
        let output = b"panic: runtime error: index out of range [5] with length 0\n\ngoroutine 1 [running]:\nmain.handle(0x5)\n\t/srv/main.go:31 +0x1d\nmain.main()\n\t/srv/main.go:9 +0x1d\n\n";
        let report = FailureReport::in_output(output).expect("a panic");
        assert_eq!(report.location.map(|location| location.line), Some(31));
        assert!(report.class.contains("index out of range"), "{}", report.class);
    }

    #[test]
    fn a_failed_allocation_names_the_abort() {
        let output =
            b"listening\nmemory allocation of 11111111112 bytes failed\nnote: run with `RUST_BACKTRACE=1`\n";
        let alone = FailureReport::with_failed_allocation(None, output).expect("a report");
        assert_eq!((alone.title().as_str(), alone.key()), ("memory allocation failed", None));
        let place = Some("reader.rs:70".to_owned());
        let abort = FailureReport { class: "Abort signal".to_owned(), place, ..alone };
        let named = FailureReport::with_failed_allocation(Some(abort.clone()), output).expect("a report");
        assert_eq!(named.title(), "memory allocation failed (reader.rs:70)");
        assert_eq!(FailureReport::with_failed_allocation(Some(abort.clone()), b"bye\n"), Some(abort));
        assert_eq!(FailureReport::with_failed_allocation(None, b"bye\n"), None);
    }

    #[test]
    fn other_output_is_no_report() {
        assert_eq!(FailureReport::in_output(b"GET / 200\nERROR: cannot open file\n"), None);
        assert_eq!(FailureReport::in_output(b"panicked"), None);
        let overflow =
            b"thread 'main' (7) has overflowed its stack\nfatal runtime error: stack overflow, aborting\n";
        assert_eq!(FailureReport::in_output(overflow), None);
    }
}
