//! Compiler command that instruments: clang, with the flags of each step.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use super::compile_line::{self, Step};

/// Instrumentation to add.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instruments {
    /// Calls at every comparison, for cmplog.
    pub cmplog: bool,
    /// AddressSanitizer.
    pub asan: bool,
    /// UndefinedBehaviorSanitizer.
    pub ubsan: bool,
}

/// Symbols that executables export: the preload looks for the runtime's, and instrumented libraries call it. So a stripped
/// executable can be fuzzed, too.
const EXPORTED: &[&str] = &["__afl_*", "__sanitizer_cov_*", "__cmplog_*"];

/// Libraries that the runtime needs, with older versions of libc.
const LIBRARIES: &[&str] = &["-ldl", "-lrt", "-lm"];

/// Returns the command that does what `arguments` say, with instrumentation.
#[must_use]
pub fn command(clang: &Path, runtime: &Path, instruments: Instruments, arguments: &[OsString]) -> Command {
    let mut command = Command::new(clang);
    let step = compile_line::step(arguments);
    if step == Step::Query {
        command.args(arguments);
        return command;
    }
    command.args(compile_line::without_obstacles(arguments)).args(instruments.flags());
    if step != Step::Compile && !instruments.has_sanitizer() && !compile_line::has_sanitizer(arguments) {
        // clang would link the runtime of UBSan, whose handler of SIGSEGV hides crashes from AFL++.
        command.arg("-fno-sanitize-link-runtime");
    }
    if step == Step::LinkExecutable {
        // An option -x would apply to all files that follow, the runtime included.
        command.args(["-x", "none"]).arg(runtime).args(LIBRARIES);
        command.args(EXPORTED.iter().map(|symbols| format!("-Wl,--export-dynamic-symbol={symbols}")));
    }
    command
}

impl Instruments {
    fn flags(self) -> Vec<&'static str> {
        // Line numbers for the backtraces of findings; and a step may need only some of the flags.
        let mut flags = vec!["-g", "-Qunused-arguments"];
        flags.push(match self.cmplog {
            true => "-fsanitize-coverage=trace-pc-guard,trace-cmp",
            false => "-fsanitize-coverage=trace-pc-guard",
        });
        if self.asan {
            flags.extend(["-fsanitize=address", "-fno-omit-frame-pointer"]);
        }
        if self.ubsan {
            flags.extend(["-fsanitize=undefined", "-fno-sanitize-recover=undefined"]);
        }
        flags
    }

    const fn has_sanitizer(self) -> bool {
        self.asan || self.ubsan
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(instruments: Instruments, arguments: &str) -> String {
        let arguments: Vec<_> = arguments.split_whitespace().map(OsString::from).collect();
        let command = command(Path::new("clang"), Path::new("rt.o"), instruments, &arguments);
        let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
        words.join(" ")
    }

    const PLAIN: Instruments = Instruments { cmplog: true, asan: false, ubsan: false };

    #[test]
    fn only_executables_get_the_runtime() {
        assert!(!line(PLAIN, "-c a.c").contains("rt.o"));
        assert!(!line(PLAIN, "-shared a.o").contains("rt.o"));
        assert!(line(PLAIN, "a.o").contains("rt.o"));
        assert_eq!(line(PLAIN, "--version"), "--version");
        assert!(line(PLAIN, "-x c++ a.c").contains("-x none rt.o"), "not a source file");
    }

    #[test]
    fn sanitizers_link_their_own_runtime() {
        assert!(line(PLAIN, "a.o").contains("-fno-sanitize-link-runtime"));
        let asan = line(Instruments { asan: true, ..PLAIN }, "a.o");
        assert!(
            asan.contains("-fsanitize=address") && !asan.contains("-fno-sanitize-link-runtime"),
            "{asan}"
        );
        assert!(
            !line(PLAIN, "-fsanitize=address a.o").contains("-fno-sanitize-link-runtime"),
            "the user's own flag"
        );
    }
}
