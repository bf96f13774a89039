//! Options of the sanitizers in a server, in variables of its environment.

use std::ffi::{OsStr, OsString};

/// Variable of AddressSanitizer.
pub const ASAN: &str = "ASAN_OPTIONS";
/// Variable of UndefinedBehaviorSanitizer.
pub const UBSAN: &str = "UBSAN_OPTIONS";

/// Default of afl-fuzz, which afl-fuzz does not set if the variable of any sanitizer is set (AFL++'s
/// src/afl-common.c, `set_sanitizer_defaults`). Without it, a report of gcc's AddressSanitizer is an exit, not a
/// crash.
pub const ASAN_OPTIONS: &str = "abort_on_error=1:symbolize=0:detect_leaks=0:detect_odr_violation=0:\
                            allocator_may_return_null=1:handle_segv=0:handle_sigbus=0:handle_abort=0:\
                            handle_sigfpe=0:handle_sigill=0:malloc_context_size=0";

/// Makes every report a crash, and turns off the signal handlers that would make a crash an exit.
pub const UBSAN_OPTIONS: &str = "halt_on_error=1:abort_on_error=1:symbolize=0:handle_segv=0:handle_sigbus=0:\
                             handle_abort=0:handle_sigfpe=0:handle_sigill=0";

/// Option of AddressSanitizer that looks for leaks when a process ends.
const LEAKS: &str = "detect_leaks=";

/// Returns options of the user without the search for leaks; `None` if they turn it off. A server is ended after some
/// thousand inputs, and what it has allocated once, at its start, would be a crash of the last one.
#[must_use]
pub fn without_leaks(options: &OsStr) -> Option<OsString> {
    let text = options.to_string_lossy();
    // The last one counts, and without any, they are looked for.
    let last = text.split([':', ' ']).rev().find_map(|option| option.strip_prefix(LEAKS));
    if matches!(last, Some("0" | "false" | "no")) {
        return None;
    }
    let mut options = options.to_owned();
    options.push(if options.is_empty() { "" } else { ":" });
    options.push(LEAKS);
    options.push("0");
    Some(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_about_leaks_is_no() {
        let without = |options: &str| without_leaks(OsStr::new(options));
        assert_eq!(without("a=1:detect_leaks=1"), Some("a=1:detect_leaks=1:detect_leaks=0".into()));
        assert_eq!(without("symbolize=0"), Some("symbolize=0:detect_leaks=0".into()));
        assert_eq!(without(""), Some("detect_leaks=0".into()));
        assert_eq!(without("detect_leaks=1:detect_leaks=0"), None);
        assert_eq!(without(ASAN_OPTIONS), None);
    }
}
