//! Flags of libFuzzer, such as `-runs=4`, and which of them have an effect here.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// Flags with an effect, and the effect.
pub const SUPPORTED: &[(&str, &str)] = &[
    ("runs", "Number of runs: of each file, or of all inputs when fuzzing (-1: no limit)."),
    ("max_total_time", "Time limit for fuzzing or minimizing, in seconds (0: no limit)."),
    ("timeout", "Time limit for one input, in seconds."),
    ("max_len", "Maximum length of new inputs."),
    ("dict", "Dictionary, in AFL++'s format."),
    ("seed", "Seed of the random numbers (0: a different one each time)."),
    ("artifact_prefix", "Begins the path of a saved crash: crash-SHA1 or timeout-SHA1 follows."),
    ("exact_artifact_path", "Path of the saved crash."),
    ("merge", "1: copy what is new in the other corpora into the first one."),
    ("minimize_crash", "1: leave out what a crash does not need."),
    ("cleanse_crash", "1: replace the bytes that a crash does not need."),
    ("fork", "Number of instances of afl-fuzz."),
    ("workers", "Number of instances of afl-fuzz."),
    ("jobs", "The same, if -workers is not given; at most one for two processors."),
    ("print_final_stats", "1: print figures at the end."),
    ("error_exitcode", "Exit status after a crash."),
    ("timeout_exitcode", "Exit status after a timeout."),
    ("help", "1: print this text."),
];

/// Words of a command line: flags and paths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    values: BTreeMap<String, String>,
    /// Files and directories.
    pub paths: Vec<PathBuf>,
    /// Names of the flags that have no effect here, each once.
    pub without_effect: Vec<String>,
}

impl Flags {
    /// Sorts the words. The last value of a flag counts. `--` is left out: OSS-Fuzz puts it before the flags.
    pub fn parse(words: impl IntoIterator<Item = OsString>) -> Self {
        let mut flags = Self::default();
        for word in words {
            if !word.as_bytes().starts_with(b"-") || word == "-" {
                flags.paths.push(word.into());
                continue;
            }
            let text = word.to_string_lossy();
            let (name, value) = text.split_once('=').unwrap_or((&text, "1"));
            let name = name.trim_start_matches('-');
            if SUPPORTED.iter().any(|(supported, _)| name == *supported) {
                flags.values.insert(name.to_owned(), value.to_owned());
            } else if !name.is_empty() && !flags.without_effect.iter().any(|other| other == name) {
                flags.without_effect.push(name.to_owned());
            }
        }
        flags
    }

    /// Returns the value of a flag.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Returns the number that a flag has.
    ///
    /// # Errors
    /// When its value is no whole number.
    pub fn number(&self, name: &str) -> Result<Option<i64>, String> {
        let Some(value) = self.value(name) else { return Ok(None) };
        value.parse().map(Some).map_err(|_| format!("-{name}={value}: this is no whole number"))
    }

    /// Returns the number of a flag if it is positive: for libFuzzer, 0 and -1 stand for no limit.
    ///
    /// # Errors
    /// Those of [`Self::number`].
    pub fn limit(&self, name: &str) -> Result<Option<u64>, String> {
        Ok(self.number(name)?.and_then(|number| u64::try_from(number).ok()).filter(|number| *number > 0))
    }

    /// Whether a flag is turned on.
    ///
    /// # Errors
    /// Those of [`Self::number`].
    pub fn is_on(&self, name: &str) -> Result<bool, String> {
        Ok(self.number(name)?.is_some_and(|number| number != 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_and_paths_are_told_apart() {
        let line = "-- -rss_limit_mb=2560 -timeout=25 corpus -runs=4 -rss_limit_mb=0 -runs=5 -";
        let flags = Flags::parse(line.split(' ').map(OsString::from));
        assert_eq!(flags.paths, [PathBuf::from("corpus"), PathBuf::from("-")]);
        assert_eq!(flags.limit("runs"), Ok(Some(5)));
        assert_eq!(flags.limit("max_total_time"), Ok(None));
        assert_eq!(flags.without_effect, ["rss_limit_mb"]);
    }

    #[test]
    fn numbers_are_checked() {
        let flags = Flags::parse(["-runs=-1", "-seed=x", "-merge=1"].map(OsString::from));
        assert_eq!(flags.limit("runs"), Ok(None));
        assert!(flags.number("seed").is_err());
        assert_eq!(flags.is_on("merge"), Ok(true));
        assert_eq!(flags.is_on("help"), Ok(false));
    }
}
