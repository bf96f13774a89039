//! Figures of the running instances: on a terminal one line for each, rewritten every second; in a log one line for all,
//! from time to time.

use std::cell::RefCell;
use std::io::{self, IsTerminal};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use indicatif::{HumanDuration, MultiProgress, ProgressBar, ProgressStyle};

use super::answer_counts::AnswerCounts;
use super::report;
use super::stats::FuzzerStats;
use crate::note;
use crate::util::notice::{self, Verbosity};

/// Interval of rewriting the lines on a terminal.
const TERMINAL_INTERVAL: Duration = Duration::from_secs(1);
/// Interval of repeating the line without a terminal.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// Lines about the instances.
#[derive(Debug)]
pub struct LiveLine {
    /// On a terminal.
    screen: Option<MultiProgress>,
    lines: RefCell<Vec<ProgressBar>>,
}

/// What the lines show.
#[derive(Debug)]
pub struct LiveFigures {
    /// Each instance: its name and its figures.
    pub instances: Vec<(String, FuzzerStats)>,
    /// Answers of the server.
    pub answers: AnswerCounts,
    /// Findings by cause; empty if there are none.
    pub causes: String,
}

impl LiveLine {
    /// Shows that the instances are starting.
    #[must_use]
    pub fn start() -> Self {
        let is_shown = io::stderr().is_terminal() && notice::is_at_least(Verbosity::Normal);
        let screen = is_shown.then(MultiProgress::new);
        let live = Self { screen, lines: RefCell::default() };
        live.write(&["starting …".to_owned()]);
        live
    }

    /// Returns the interval of updating the lines.
    #[must_use]
    pub fn interval(&self) -> Duration {
        if self.screen.is_some() { TERMINAL_INTERVAL } else { LOG_INTERVAL }
    }

    /// Removes the lines from the terminal.
    pub fn clear(&self) {
        self.lines.borrow().iter().for_each(ProgressBar::finish_and_clear);
    }

    /// Shows the figures.
    pub fn show(&self, figures: &LiveFigures) {
        let Some(lines) = figures.lines() else { return };
        match self.screen {
            Some(_) => self.write(&lines),
            None => note!("{}", lines.last().map_or("", String::as_str)),
        }
    }

    fn write(&self, texts: &[String]) {
        let Some(screen) = &self.screen else { return };
        let mut lines = self.lines.borrow_mut();
        while lines.len() < texts.len() {
            let style =
                ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
            lines.push(screen.add(ProgressBar::new_spinner().with_style(style)));
        }
        for (line, text) in lines.iter().zip(texts) {
            line.set_message(text.clone());
            line.tick();
        }
    }
}

impl LiveFigures {
    /// One line for each instance, and one for all together. None before any has reported.
    fn lines(&self) -> Option<Vec<String>> {
        let all: Vec<_> = self.instances.iter().map(|(_, stats)| *stats).collect();
        let together = FuzzerStats::combine(&all)?;
        let each = self
            .instances
            .iter()
            .map(|(name, stats)| format!("{name:<6} {}{}", report::live_line(stats), last_find(stats)));
        let mut line = format!("{} running: {}", all.len(), report::live_line(&together));
        if self.answers.has_any() {
            line += &format!("; answers {}", self.answers);
        }
        if !self.causes.is_empty() {
            line += &format!("; findings {}", self.causes);
        }
        line += &last_find(&together);
        Some(each.chain([line]).collect())
    }
}

/// How long ago an instance found something.
fn last_find(stats: &FuzzerStats) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    match stats.last_find {
        0 => String::new(),
        found => {
            let ago = now.saturating_sub(Duration::from_secs(found));
            format!("; last find {} ago", HumanDuration(ago))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_instance_and_all_together_have_a_line() {
        let stats = FuzzerStats { executions: 1000, ..FuzzerStats::default() };
        let instances = vec![("main".to_owned(), stats), ("s1".to_owned(), stats)];
        let figures =
            LiveFigures { instances, answers: AnswerCounts::default(), causes: "hang 1".to_owned() };
        let lines = figures.lines().expect("reported");
        assert_eq!(lines.len(), 3);
        assert!(lines[0].starts_with("main   1,000 executions"), "{}", lines[0]);
        assert!(lines[2].contains("2 running: 2,000 executions") && lines[2].contains("findings hang 1"));
    }

    #[test]
    fn nothing_is_shown_before_an_instance_reports() {
        let figures =
            LiveFigures { instances: Vec::new(), answers: AnswerCounts::default(), causes: String::new() };
        assert_eq!(figures.lines(), None);
    }
}
