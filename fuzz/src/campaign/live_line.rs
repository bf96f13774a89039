//! Progress line with the figures of all running instances.

use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::ProgressBar;

use super::answer_counts::AnswerCounts;
use super::report;
use super::stats::FuzzerStats;

/// Interval of rewriting the line on a terminal.
const TERMINAL_INTERVAL: Duration = Duration::from_secs(1);
/// Interval of repeating the line without a terminal.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// Progress line about all instances, rewritten on a terminal and repeated in a log.
#[derive(Debug)]
pub struct LiveLine {
    bar: ProgressBar,
    interval: Duration,
}

impl LiveLine {
    /// Creates a line which shows that the instances are starting.
    #[must_use]
    pub fn start() -> Self {
        if io::stderr().is_terminal() {
            Self { bar: ProgressBar::new_spinner().with_message("starting …"), interval: TERMINAL_INTERVAL }
        } else {
            Self { bar: ProgressBar::hidden(), interval: LOG_INTERVAL }
        }
    }

    /// Returns the interval of updating the line.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Removes the line from the terminal.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }

    /// Shows the figures of all instances, and the server's answers.
    pub fn show(&self, all: &[FuzzerStats], answers: AnswerCounts) {
        let Some(together) = FuzzerStats::combine(all) else {
            return;
        };
        let mut line = format!("{} running: {}", all.len(), report::live_line(&together));
        if answers.has_any() {
            line += &format!("; answers {answers}");
        }
        if self.bar.is_hidden() {
            eprintln!("sockfuzz: {line}");
        } else {
            self.bar.set_message(line);
            self.bar.tick();
        }
    }
}
