//! The environment that afl-fuzz is given: the preload, and leave to start on machines that it
//! would refuse, each with the reason why that is safe.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::Path;

use sockfuzz_protocol::specs;

use crate::afl::campaign::Display;
use crate::cli::PreloadOptions;
use crate::server::Server;
use crate::server::inspect::Inspection;
use crate::status_file::StatusFile;

const CORE_PATTERN: &str = "/proc/sys/kernel/core_pattern";
const GOVERNOR: &str = "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor";

/// What afl-fuzz sets by itself, but not where any sanitizer's variable is set already (AFL++'s
/// src/afl-common.c, `set_sanitizer_defaults`): without it a report of gcc's AddressSanitizer is no
/// crash, only an exit.
pub const ASAN_OPTIONS: &str = "abort_on_error=1:symbolize=0:detect_leaks=0:detect_odr_violation=0:\
                            allocator_may_return_null=1:handle_segv=0:handle_sigbus=0:handle_abort=0:\
                            handle_sigfpe=0:handle_sigill=0:malloc_context_size=0";

/// Every report is a crash; a crash stays one: without a handler that turns it into an exit.
pub const UBSAN_OPTIONS: &str = "halt_on_error=1:abort_on_error=1:symbolize=0:handle_segv=0:handle_sigbus=0:\
                             handle_abort=0:handle_sigfpe=0:handle_sigill=0";

/// One variable, and one sentence for the user where it changes what AFL++ insists on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Name of the variable.
    pub name: &'static str,
    /// Its value.
    pub value: OsString,
    /// Why it is set, and what the user can do to make it needless.
    pub why: Option<String>,
}

impl Setting {
    /// One that needs no words.
    pub(crate) fn quiet(name: &'static str, value: impl Into<OsString>) -> Self {
        Self { name, value: value.into(), why: None }
    }
}

/// Everything to set. What the user has set already is left alone.
#[must_use]
pub fn settings(
    server: &Server,
    library: &Path,
    options: &PreloadOptions,
    status: &StatusFile,
    inspection: &Inspection,
    display: Display,
) -> Vec<Setting> {
    let sanitizer = server.sanitizer.as_deref();
    let preload = Setting {
        why: sanitizer.map(|runtime| {
            format!("{runtime}, the server's sanitizer, insists on being the first library, so it is preloaded first")
        }),
        ..Setting::quiet("AFL_PRELOAD", preload_list("AFL_PRELOAD", sanitizer, library))
    };
    let told = options.variables().map(|(name, value)| Setting::quiet(name, value));
    let status = Setting::quiet(specs::STATUS.variable, status.path());
    // afl-fuzz cannot see instrumentation through a script, nor that the preload stands in for it.
    let unseen = (inspection.script || inspection.is_uninstrumented())
        .then(|| Setting::quiet("AFL_SKIP_BIN_CHECK", "1"))
        .filter(|setting| env::var_os(setting.name).is_none());
    [preload, status].into_iter().chain(told).chain(unseen).chain(lenient(display)).collect()
}

/// Whoever sets it has chosen a core already, or none.
pub const NO_AFFINITY: &str = "AFL_NO_AFFINITY";
/// What asks afl-fuzz for a core, if one is free.
pub const TRY_AFFINITY: &str = "AFL_TRY_AFFINITY";

/// What lets afl-fuzz start, whatever the program is.
pub fn lenient(display: Display) -> impl Iterator<Item = Setting> {
    let status_screen = display == Display::StatusScreen;
    let settings = [
        // A server may take long to its first idle point, whatever the limit per execution is.
        Some(Setting::quiet("AFL_FORKSRV_INIT_TMOUT", "10000")),
        // With every core taken, run unpinned instead of not at all. (It overrules `NO_AFFINITY`.)
        env::var_os(NO_AFFINITY).is_none().then(|| Setting::quiet(TRY_AFFINITY, "1")),
        (!status_screen).then(|| Setting::quiet("AFL_NO_UI", "1")),
        // Without its status screen, ours shows these figures.
        (!status_screen).then(|| Setting::quiet("AFL_FUZZER_STATS_UPDATE_INTERVAL", "5")),
        // afl-fuzz leaves it to the compiler whether UndefinedBehaviorSanitizer's reports end a
        // server; the rest is afl-fuzz's own choice for the other sanitizers.
        Some(Setting::quiet("UBSAN_OPTIONS", UBSAN_OPTIONS)),
        Some(Setting::quiet("ASAN_OPTIONS", ASAN_OPTIONS)),
        core_pattern(&fs::read_to_string(CORE_PATTERN).unwrap_or_default()),
        governor(&fs::read_to_string(GOVERNOR).unwrap_or_default()),
    ];
    settings.into_iter().flatten().filter(|setting| env::var_os(setting.name).is_none())
}

/// The library, after whatever the user preloads through the same variable, and after the runtime of
/// the server's sanitizer, which insists on being first.
#[must_use]
pub fn preload_list(variable: &str, sanitizer: Option<&str>, library: &Path) -> OsString {
    let users = env::var_os(variable).filter(|list| !list.is_empty());
    let first = sanitizer.map(OsString::from);
    let all: Vec<_> = first.into_iter().chain(users).chain([library.into()]).collect();
    all.join(OsStr::new(":"))
}

fn core_pattern(pattern: &str) -> Option<Setting> {
    pattern.starts_with('|').then(|| Setting {
        why: Some(
            "this machine hands core dumps to a program (core_pattern); no crash is missed, \
             because a server's end is seen by its forkserver, but each is reported late, and a \
             very slow one could count as a timeout. Faster: echo core | sudo tee \
             /proc/sys/kernel/core_pattern"
                .to_owned(),
        ),
        ..Setting::quiet("AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES", "1")
    })
}

fn governor(governor: &str) -> Option<Setting> {
    let governor = governor.trim();
    (!governor.is_empty() && !governor.starts_with("perf")).then(|| Setting {
        why: Some(format!(
            "the CPU governor is \"{governor}\"; that costs speed only. Faster: cargo afl \
             system-config"
        )),
        ..Setting::quiet("AFL_SKIP_CPUFREQ", "1")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_pipe_in_core_pattern_needs_leave() {
        assert_eq!(core_pattern("core\n"), None);
        let setting = core_pattern("|/usr/share/apport %p\n").expect("a pipe");
        assert!(setting.why.expect("explained").contains("core_pattern"));
    }

    #[test]
    fn only_a_slow_governor_needs_leave() {
        assert_eq!(governor(""), None);
        assert_eq!(governor("performance\n"), None);
        let setting = governor("powersave\n").expect("slow");
        assert_eq!(setting.name, "AFL_SKIP_CPUFREQ");
    }
}
