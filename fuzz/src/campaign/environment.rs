//! Environment variables for afl-fuzz: the preload, its options, and settings that let afl-fuzz start on
//! machines that it would otherwise refuse, each with the reason why that is safe.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

use sockfuzz_launcher::launch::START_TIMEOUT;
use sockfuzz_launcher::sanitizers;
pub use sockfuzz_launcher::sanitizers::{ASAN_OPTIONS, UBSAN_OPTIONS};
use sockfuzz_protocol::specs;

use crate::campaign::output_mode::OutputMode;
use crate::options::PreloadOptions;
use crate::server::command::{Server, openssl_setting, preload_list};
use crate::server::inspect::Inspection;
use crate::server::status_file::StatusFile;

const CORE_PATTERN_FILE: &str = "/proc/sys/kernel/core_pattern";
const GOVERNOR_FILE: &str = "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor";

/// An environment variable for afl-fuzz.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Name of the variable.
    pub name: &'static str,
    /// Its value.
    pub value: OsString,
    /// Explanation for the user, for example of a check of AFL++ that is turned off.
    pub reason: Option<String>,
}

impl Setting {
    /// A variable without a message for the user.
    pub(crate) fn silent(name: &'static str, value: impl Into<OsString>) -> Self {
        Self { name, value: value.into(), reason: None }
    }
}

/// Returns all variables. Those of AFL++ that the user has set are left out, except `AFL_PRELOAD`, which is extended.
#[must_use]
pub fn settings(
    server: &Server,
    library: &Path,
    options: &PreloadOptions,
    status: &StatusFile,
    inspection: &Inspection,
    output_mode: OutputMode,
) -> Vec<Setting> {
    let sanitizer = server.sanitizer.as_deref();
    let preload = Setting {
        reason: sanitizer.map(|runtime| {
            format!("{runtime}, the sanitizer's runtime, must come first, so it is preloaded first")
        }),
        ..Setting::silent("AFL_PRELOAD", preload_list("AFL_PRELOAD", sanitizer, library))
    };
    let preload_options = options.variables().map(|(name, value)| Setting::silent(name, value));
    let status = Setting::silent(specs::STATUS.variable, status.path());
    // afl-fuzz does not find the runtime in a script's interpreter, nor in the preload.
    let skip_check = (inspection.script || inspection.is_uninstrumented())
        .then(|| Setting::silent("AFL_SKIP_BIN_CHECK", "1"))
        .filter(|setting| env::var_os(setting.name).is_none());
    let openssl = openssl_setting(options).map(|(name, value)| Setting::silent(name, value));
    [preload, status]
        .into_iter()
        .chain(openssl)
        .chain(preload_options)
        .chain(skip_check)
        .chain(permissive_settings(output_mode))
        .collect()
}

/// Variable that keeps afl-fuzz from choosing a core.
pub const NO_AFFINITY: &str = "AFL_NO_AFFINITY";
/// Variable that lets afl-fuzz choose a core if one is free.
pub const TRY_AFFINITY: &str = "AFL_TRY_AFFINITY";

/// Returns the variables that let afl-fuzz start any program on any machine.
pub fn permissive_settings(output_mode: OutputMode) -> impl Iterator<Item = Setting> {
    let status_screen = output_mode == OutputMode::StatusScreen;
    let settings = [
        Some(Setting::silent(START_TIMEOUT.0, START_TIMEOUT.1)),
        // When all cores are taken, run unpinned. (This variable overrides `NO_AFFINITY`.)
        env::var_os(NO_AFFINITY).is_none().then(|| Setting::silent(TRY_AFFINITY, "1")),
        (!status_screen).then(|| Setting::silent("AFL_NO_UI", "1")),
        // sockfuzz reads these figures for its live line, for the report, and to stop when nothing new is found.
        Some(Setting::silent("AFL_FUZZER_STATS_UPDATE_INTERVAL", "5")),
        // With afl-fuzz's defaults, the compiler decides whether reports of UndefinedBehaviorSanitizer end a
        // server. The other values are those that afl-fuzz sets for the other sanitizers.
        Some(Setting::silent(sanitizers::UBSAN, UBSAN_OPTIONS)),
        Some(Setting::silent(sanitizers::ASAN, ASAN_OPTIONS)),
        core_pattern(&fs::read_to_string(CORE_PATTERN_FILE).unwrap_or_default()),
        governor(&fs::read_to_string(GOVERNOR_FILE).unwrap_or_default()),
    ];
    settings.into_iter().flatten().filter(|setting| env::var_os(setting.name).is_none())
}

fn core_pattern(pattern: &str) -> Option<Setting> {
    pattern.starts_with('|').then(|| Setting {
        reason: Some(
            "this machine pipes core dumps to a program (core_pattern). No crash is missed, because \
             the forkserver sees how the server ends, but each is reported late, and a very slow \
             one could count as a timeout. To avoid that: echo core | sudo tee \
             /proc/sys/kernel/core_pattern"
                .to_owned(),
        ),
        ..Setting::silent("AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES", "1")
    })
}

fn governor(governor: &str) -> Option<Setting> {
    let governor = governor.trim();
    (!governor.is_empty() && !governor.starts_with("perf")).then(|| Setting {
        reason: Some(format!(
            "the CPU governor is \"{governor}\", which only reduces speed. To avoid that: cargo afl \
             system-config"
        )),
        ..Setting::silent("AFL_SKIP_CPUFREQ", "1")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_pipe_in_core_pattern_needs_a_setting() {
        assert_eq!(core_pattern("core\n"), None);
        let setting = core_pattern("|/usr/share/apport %p\n").expect("a pipe");
        assert!(setting.reason.expect("explained").contains("core_pattern"));
    }

    #[test]
    fn only_a_slow_governor_needs_a_setting() {
        assert_eq!(governor(""), None);
        assert_eq!(governor("performance\n"), None);
        let setting = governor("powersave\n").expect("slow");
        assert_eq!(setting.name, "AFL_SKIP_CPUFREQ");
    }
}
