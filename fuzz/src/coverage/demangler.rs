//! Names of functions as their source has them: c++filt of GNU Binutils knows those of C++ and of Rust.

use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;

use super::tracefile::{SourceFile, Tracefile};

/// The program. Without it, names stay as the linker has them.
pub const PROGRAM: &str = "c++filt";

/// Minimum number of digits of a crate's hash: leading zeroes are left out.
const MIN_HASH_DIGITS: usize = 12;

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
            renamed.add_function(&without_hashes(name), function.line, function.calls);
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

/// Returns a Rust path without the hashes of its crates (`a[0123456789abcdef]::b`).
fn without_hashes(name: &str) -> String {
    let mut parts = name.split('[');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let hash = part.split_once(']').filter(|(hash, _)| {
            hash.len() >= MIN_HASH_DIGITS && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
        });
        match hash {
            Some((_, rest)) => plain.push_str(rest),
            None => plain.extend(["[", part]),
        }
    }
    plain
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
    fn hashes_of_crates_are_left_out() {
        let names =
            ["<[ascii[eca54956c435905]::Char] as core[c1f1a4ba060b9bfa]::AsMut>::f", "a[1]", "f::<[u8]>"];
        let plain = ["<[ascii::Char] as core::AsMut>::f", "a[1]", "f::<[u8]>"];
        assert_eq!(names.map(without_hashes), plain);
    }

    #[test]
    fn the_file_of_a_static_function_is_left_out() {
        assert_eq!(
            ["a.c:f", "a.c;f", "f", "a::b", "_ZN1a1bE"].map(plain),
            ["f", "f", "f", "a::b", "_ZN1a1bE"]
        );
    }
}
