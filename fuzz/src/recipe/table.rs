//! Table of servers in Markdown, with new lines for rows that were measured and the lines of an earlier
//! table for the others.

use std::fmt::Write;

use super::definition::{Recipe, RecipeRow};

/// One line of the table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableLine {
    /// The server and its version.
    pub server: String,
    /// Processes, threads, and the system calls in which they wait.
    pub architecture: String,
    /// Number of seeds that were answered as over TCP, of all seeds.
    pub once: String,
    /// Number of executions under afl-fuzz.
    pub looped: String,
    /// Transport of the campaign.
    pub transport: String,
    /// Number of inputs found by fuzzing that were answered as over TCP, of those that were run.
    pub found: String,
    /// Stability that afl-fuzz measured.
    pub stability: String,
    /// Executions per second, relative to an empty harness.
    pub speed: String,
    /// Remarks.
    pub remarks: String,
}

/// Header of the table.
pub const HEAD: &str = "\
| server | architecture | once | loop | transport | found | stability | to `empty` | remarks |
|---|---|---|---|---|---|---|---|---|
";

/// Text above the table in its file.
const PREFACE: &str = "\
# Servers that sockfuzz was tried on

Written by `cargo sockfuzz servers --write`: edit [server.toml](README.md#adding-a-server) of a server instead.

- **once**: of the seeds in corpus/http1, those that are answered byte for byte as over real TCP, dates and random boundaries aside.
- **loop**: executions under the real afl-fuzz, cmplog off, on one pinned core.
- **found**: of 50 inputs that this found, those that are answered as over real TCP by the transports `tcp`, `unix`, and
  `memory` where that is the one in the table.
- **to `empty`**: executions per second, relative to an `afl::fuzz!` harness that does nothing, measured right before.

";

impl TableLine {
    /// Adds a remark.
    pub fn add_remark(&mut self, text: &str) {
        if !self.remarks.is_empty() {
            self.remarks.push_str("; ");
        }
        self.remarks.push_str(text);
    }

    /// Returns the line in Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let Self { server, architecture, once, looped, transport, found, stability, speed, remarks } = self;
        let cells = [server, architecture, once, looped, transport, found, stability, speed, remarks];
        cells.iter().fold("|".to_owned(), |mut line, cell| {
            let cell = cell.replace('|', "\\|").replace('\n', " ");
            let cell = if cell.is_empty() { "–" } else { &cell };
            write!(line, " {cell} |").expect("writing to a String cannot fail");
            line
        }) + "\n"
    }
}

/// Returns the whole file. Each row of `recipes` has its line in `measured`, otherwise its line in
/// `earlier`, otherwise none.
#[must_use]
pub fn update(earlier: &str, recipes: &[Recipe], measured: &[TableLine]) -> String {
    let rows = recipes.iter().flat_map(|recipe| recipe.rows.iter().map(move |row| (recipe, row)));
    let lines = rows.filter_map(|(recipe, row)| {
        let now = measured
            .iter()
            .find(|line| is_of(recipe, row, &line.server, &line.architecture))
            .map(TableLine::markdown);
        now.or_else(|| {
            let line = earlier.lines().find(|line| {
                let mut cells = line.split('|').map(str::trim).skip(1);
                let [server, architecture] = [(); 2].map(|()| cells.next().unwrap_or_default());
                is_of(recipe, row, server, architecture)
            });
            line.map(|line| format!("{line}\n"))
        })
    });
    format!("{PREFACE}{HEAD}{}", lines.collect::<String>())
}

fn is_of(recipe: &Recipe, row: &RecipeRow, server: &str, architecture: &str) -> bool {
    let version = server.strip_prefix(&recipe.title);
    architecture == row.architecture && version.is_some_and(|rest| !rest.trim_start().contains(' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipes() -> Vec<Recipe> {
        let text = "title = \"S\"\nversion = []\n\
                    [[row]]\nname = \"a\"\narchitecture = \"one\"\n\
                    [[row]]\nname = \"b\"\narchitecture = \"two\"\n";
        vec![toml::from_str(text).expect("valid")]
    }

    fn line(architecture: &str, once: &str) -> TableLine {
        let [server, architecture, once] = ["S 1.0", architecture, once].map(str::to_owned);
        TableLine { server, architecture, once, ..TableLine::default() }
    }

    #[test]
    fn a_new_line_replaces_the_old_one() {
        let first = update("", &recipes(), &[line("two", "1/2"), line("one", "1/2")]);
        let second = update(&first, &recipes(), &[line("two", "2/2")]);
        let lines: Vec<_> = second.lines().filter(|line| line.contains("S 1.0")).collect();
        assert_eq!(lines.len(), 2, "{second}");
        assert!(lines[0].contains("| one | 1/2 |"), "{second}");
        assert!(lines[1].contains("| two | 2/2 |"), "{second}");
    }

    #[test]
    fn lines_of_unknown_rows_are_dropped() {
        let first = update("", &recipes(), &[line("one", "1/2"), line("three", "1/2")]);
        assert!(!first.contains("three"), "{first}");
    }

    #[test]
    fn a_bar_in_a_cell_is_escaped() {
        assert!(TableLine { remarks: "a|b".into(), ..line("one", "") }.markdown().contains("a\\|b"));
    }
}
