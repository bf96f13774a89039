//! Reports of a failure: class, place and stack, read by CASR's parsers from what the server wrote (sanitizers, Rust and
//! Go panics), from gdb, or from what a process recorded of its crash.

mod crash;
mod frames;
mod hang;
mod output;

use super::finding::{FailureKind, Severity, SourceLocation};

/// Description of a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureReport {
    /// How the server fails.
    pub kind: FailureKind,
    /// Class of the failure in a few words, such as `heap-buffer-overflow(write)` or a panic's message.
    pub class: String,
    /// Estimate of the severity.
    pub severity: Option<Severity>,
    /// Innermost function of the server's own code.
    pub function: Option<String>,
    /// Place of that function or of the panic in the source.
    pub location: Option<SourceLocation>,
    /// Place in words: source line, or module and offset. Failures of a kind at the same place have the same cause.
    pub place: Option<String>,
    /// Stack, the innermost frame first.
    pub stack: Vec<String>,
}

impl FailureReport {
    /// Returns the key that failures with the same cause share; `None` if the place is unknown.
    #[must_use]
    pub fn key(&self) -> Option<String> {
        let place = self.place.as_ref()?;
        Some(match self.kind {
            FailureKind::Panic | FailureKind::Hang => format!("{place} ({:?})", self.kind),
            _ => format!("{place} ({})", self.class),
        })
    }

    /// Returns one line that describes the failure.
    #[must_use]
    pub fn title(&self) -> String {
        let function = self.function.as_ref().map_or(String::new(), |function| format!(" in {function}"));
        let place = match &self.location {
            Some(SourceLocation { file, line, .. }) => {
                let name = file.rsplit('/').next().unwrap_or(file);
                format!(" ({name}:{line})")
            }
            None => self.place.as_ref().map_or(String::new(), |place| format!(" ({place})")),
        };
        format!("{}{function}{place}", self.class)
    }
}
