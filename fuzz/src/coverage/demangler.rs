//! Names of functions as their source has them: c++filt of GNU Binutils knows those of C++ and of Rust.

use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;

use super::tracefile::{SourceFile, Tracefile};

/// The program. Without it, names stay as the linker has them.
pub const PROGRAM: &str = "c++filt";

/// Replaces all names of functions.
pub fn demangle(tracefile: &mut Tracefile) {
    let names: Vec<_> =
        tracefile.files.values().flat_map(|file| file.functions.keys()).map(|name| plain(name)).collect();
    let text = names.join("\n") + "\n";
    let demangled = filter(&text).filter(|lines| lines.lines().count() == names.len()).unwrap_or(text);
    let mut demangled = demangled.lines();
    for file in tracefile.files.values_mut() {
        let before = std::mem::take(&mut file.functions);
        let mut renamed = SourceFile::default();
        for (function, name) in before.into_values().zip(&mut demangled) {
            // Instances of a generic function may have the same name now; their lines are the same, too.
            renamed.add_function(name, function.line, function.calls);
        }
        file.functions = renamed.functions;
    }
}

/// Returns a name without the file that LLVM puts before those of static functions (`a.c:main`; since LLVM 18 `a.c;main`).
fn plain(name: &str) -> &str {
    match name.split_once([':', ';']) {
        Some((file, function)) if file.contains('.') && !function.starts_with(':') => function,
        _ => name,
    }
}

fn filter(names: &str) -> Option<String> {
    let mut child = Command::new(PROGRAM).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
    let mut stdin = child.stdin.take()?;
    let output = thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(names.as_bytes()));
        child.wait_with_output().ok()
    })?;
    String::from_utf8(output.stdout).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_a_static_function_is_left_out() {
        assert_eq!(
            ["a.c:f", "a.c;f", "f", "a::b", "_ZN1a1bE"].map(plain),
            ["f", "f", "f", "a::b", "_ZN1a1bE"]
        );
    }
}
