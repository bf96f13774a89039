//! Notes on stderr: what sockfuzz does, apart from results, warnings and errors. `--quiet` suppresses them, and `--verbose` adds the
//! commands that sockfuzz runs.

use std::fmt::{self, Write};
use std::process::Command;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

use crate::util::shell::shell_quoted;

/// Amount of notes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Verbosity {
    /// No notes.
    Quiet,
    /// What sockfuzz does.
    Normal,
    /// And the commands that it runs.
    Verbose,
}

static VERBOSITY: AtomicU8 = AtomicU8::new(Verbosity::Normal as u8);

/// Sets the verbosity of this process.
pub fn set(verbosity: Verbosity) {
    VERBOSITY.store(verbosity as u8, Relaxed);
}

/// Whether notes are printed at least at this verbosity.
#[must_use]
pub fn is_at_least(verbosity: Verbosity) -> bool {
    VERBOSITY.load(Relaxed) >= verbosity as u8
}

/// Prints a note; see [`note!`](crate::note).
pub fn print(note: fmt::Arguments<'_>) {
    if is_at_least(Verbosity::Normal) {
        eprintln!("sockfuzz: {note}");
    }
}

/// Prints a command with the variables that are set for it, with `--verbose`.
pub fn print_command(command: &Command) {
    if !is_at_least(Verbosity::Verbose) {
        return;
    }
    let mut line = String::new();
    for (name, value) in command.get_envs() {
        let value = value.map(|value| shell_quoted([value])).unwrap_or_default();
        let _ = write!(line, "{}={value} ", name.display());
    }
    line += &shell_quoted([command.get_program()].into_iter().chain(command.get_args()));
    eprintln!("sockfuzz: + {line}");
}

/// Prints a note on stderr, unless the user wants none (`--quiet`). It takes what [`format!`] takes.
#[macro_export]
macro_rules! note {
    ($($arguments:tt)*) => {
        $crate::util::notice::print(format_args!($($arguments)*))
    };
}
