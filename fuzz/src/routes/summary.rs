//! Summary of routes in the output directory, which reports show.

use std::cmp::Reverse;
use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::util::printable::counted;

/// Name of the file in the output directory.
const FILE: &str = "sockfuzz-routes.json";

/// Maximum number of routes of each kind that the text has.
const MAX_SHOWN: usize = 15;

/// Maximum number of characters of a path that the text has.
const MAX_PATH_CHARS: usize = 60;

/// Routes that the inputs in the queues reach.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RouteSummary {
    /// Number of different inputs in the queues.
    pub inputs: usize,
    /// Number of those that were played, before the time limit.
    pub inputs_played: usize,
    /// Known routes, of imported descriptions and of seeds, and others that were answered by more than errors for unknown
    /// routes. Known ones that were never answered with 2xx come first, then those that most inputs reach.
    pub routes: Vec<RouteAnswers>,
    /// Number of other paths. They were answered with 400, 404, 405, 414, 501 or 505, or not at all.
    pub unknown_paths: usize,
    /// Number of inputs that request one of them.
    pub unknown_inputs: usize,
}

/// Answers of one route.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RouteAnswers {
    /// The method.
    pub method: String,
    /// Path, or its pattern, in which `{…}` stands for values that are not told apart.
    pub path: String,
    /// Whether an imported description or a seed has the route.
    pub is_known: bool,
    /// Whether the route is known, and no input was answered with 2xx.
    pub lacks_success: bool,
    /// Number of inputs that request it.
    pub inputs: usize,
    /// Number of inputs that it answered with 2xx.
    pub success: usize,
    /// Number of inputs that it answered with 3xx.
    pub redirection: usize,
    /// Number of inputs that it answered with 4xx.
    pub client_error: usize,
    /// Number of inputs that it answered with 5xx.
    pub server_error: usize,
    /// Number of inputs that it did not answer.
    pub no_answer: usize,
}

impl RouteSummary {
    /// Sorts the routes.
    pub(super) fn sort(&mut self) {
        let place =
            |it: &RouteAnswers| (!it.lacks_success, Reverse(it.inputs), it.path.clone(), it.method.clone());
        self.routes.sort_by_cached_key(place);
    }

    /// Reads the summary in an output directory; `None` if there is none.
    #[must_use]
    pub fn read(out: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(out.join(FILE)).ok()?).ok()
    }

    /// Writes the summary into an output directory.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, out: &Path) -> Result<()> {
        let path = out.join(FILE);
        let text = serde_json::to_string_pretty(self)?;
        fs::write(&path, text + "\n").with_context(|| format!("cannot write {}", path.display()))
    }

    /// Returns the known routes that were never answered with 2xx.
    pub fn without_success(&self) -> impl Iterator<Item = &RouteAnswers> {
        self.routes.iter().filter(|it| it.lacks_success)
    }
}

impl RouteAnswers {
    /// Returns the counts that are not zero, with their classes; "not requested" if no input requests the route.
    #[must_use]
    pub fn shown_answers(&self) -> String {
        let counts = [
            ("2xx", self.success),
            ("3xx", self.redirection),
            ("4xx", self.client_error),
            ("5xx", self.server_error),
            ("no answer", self.no_answer),
        ];
        let shown: Vec<_> = counts
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(class, count)| format!("{class} {count}"))
            .collect();
        if shown.is_empty() { "not requested".to_owned() } else { shown.join(", ") }
    }
}

/// Text of a few lines.
impl fmt::Display for RouteSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.routes.iter().filter(|it| it.is_known).count();
        let without: Vec<_> = self.without_success().collect();
        let others: Vec<_> = self.routes.iter().filter(|it| !it.is_known).collect();
        let known_routes = counted(known as u64, "known route", "known routes");
        match (known, without.len()) {
            (0, _) => {}
            (_, 0) => writeln!(f, "{known_routes}, all of them answered 2xx")?,
            (_, count) => writeln!(f, "{known_routes}, {count} of them never answered 2xx:")?,
        }
        list(f, &without)?;
        if !others.is_empty() {
            let other = if known == 0 { ["route", "routes"] } else { ["other route", "other routes"] };
            writeln!(f, "{}:", counted(others.len() as u64, other[0], other[1]))?;
            list(f, &others)?;
        }
        if self.unknown_paths > 0 {
            writeln!(
                f,
                "besides, {} in {} got errors for unknown requests, or no answer",
                counted(self.unknown_paths as u64, "path", "paths"),
                counted(self.unknown_inputs as u64, "input", "inputs"),
            )?;
        }
        if self.inputs_played < self.inputs {
            writeln!(f, "{} of {} inputs were played", self.inputs_played, self.inputs)?;
        }
        Ok(())
    }
}

/// Returns a path for a terminal, cut if it is long.
fn shown_path(path: &str) -> String {
    let mut shown: String = path.chars().filter(|it| !it.is_control()).take(MAX_PATH_CHARS).collect();
    if shown.len() < path.len() {
        shown.push('…');
    }
    shown
}

fn list(f: &mut fmt::Formatter<'_>, routes: &[&RouteAnswers]) -> fmt::Result {
    for it in routes.iter().take(MAX_SHOWN) {
        writeln!(f, "  {:7} {:40} {}", it.method, shown_path(&it.path), it.shown_answers())?;
    }
    match routes.len().saturating_sub(MAX_SHOWN) {
        0 => Ok(()),
        more => writeln!(f, "  … {more} more, in the report"),
    }
}
