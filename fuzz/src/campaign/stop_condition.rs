//! Conditions that end a campaign, as `sockfuzz fuzz --until` takes them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use humantime::{format_duration, parse_duration};

use crate::server::single_run::FindingKind;

/// Begins the condition of a time without new coverage. Either separator may follow.
const STALE: &str = "stale";
const SEPARATORS: [char; 2] = [':', '='];

/// Condition that ends a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopCondition {
    /// A time has passed since this start.
    Time(Duration),
    /// No instance has found new coverage for this time.
    Stale(Duration),
    /// A new crash is saved.
    Crash,
    /// A new crash, hang or wrong answer is saved.
    Finding,
}

impl StopCondition {
    /// Whether a new finding of this kind fulfils the condition.
    #[must_use]
    pub fn is_met_by(self, kind: FindingKind) -> bool {
        match self {
            Self::Time(_) | Self::Stale(_) => false,
            Self::Crash => kind == FindingKind::Crash,
            Self::Finding => true,
        }
    }
}

impl FromStr for StopCondition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        match text {
            "crash" => return Ok(Self::Crash),
            "finding" => return Ok(Self::Finding),
            STALE => return Err(format!("for how long? Give for example {STALE}:10min")),
            _ => {}
        }
        match text.strip_prefix(STALE).and_then(|rest| rest.strip_prefix(SEPARATORS)) {
            Some(time) => duration(time).map(Self::Stale),
            None if text.starts_with(|first: char| first.is_ascii_digit()) => duration(text).map(Self::Time),
            None => Err(format!("give a time (90s, 10min, 2h), {STALE}:TIME, crash or finding")),
        }
    }
}

impl fmt::Display for StopCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(time) => write!(f, "after {}", format_duration(*time)),
            Self::Stale(time) => write!(f, "after {} without new coverage", format_duration(*time)),
            Self::Crash => f.write_str("at the first new crash"),
            Self::Finding => f.write_str("at the first new crash, hang or wrong answer"),
        }
    }
}

/// Parses a positive time with its unit.
///
/// # Errors
/// Anything else.
pub fn duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("{text} of which unit? Give for example {text}s or {text}min"));
    }
    match parse_duration(text) {
        Ok(Duration::ZERO) => Err("the time must be longer than 0".to_owned()),
        Ok(time) => Ok(time),
        Err(_) => Err("times are for example 90s, 10min or 1h30m".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_have_obvious_spellings() {
        let seconds = Duration::from_secs;
        for (text, condition) in [
            ("90s", StopCondition::Time(seconds(90))),
            ("10min", StopCondition::Time(seconds(600))),
            ("10 minutes", StopCondition::Time(seconds(600))),
            ("1h30m", StopCondition::Time(seconds(5400))),
            ("stale:10min", StopCondition::Stale(seconds(600))),
            ("stale=2h", StopCondition::Stale(seconds(7200))),
            ("crash", StopCondition::Crash),
            ("finding", StopCondition::Finding),
        ] {
            assert_eq!(text.parse(), Ok(condition), "{text}");
        }
    }

    #[test]
    fn an_error_says_what_is_missing() {
        let error = |text: &str| text.parse::<StopCondition>().expect_err(text);
        assert!(error("600").contains("600s or 600min"));
        assert!(error("stale").contains("stale:10min"));
        assert!(error("stale:5").contains("5s or 5min"));
        assert!(error("0s").contains("longer than 0"));
        assert!(error("10 parsecs").contains("10min"));
        for text in ["", "crashes", "-5min", "stalemate:1min"] {
            assert!(error(text).contains("stale:TIME, crash or finding"), "{text}");
        }
    }

    #[test]
    fn a_hang_is_a_finding_but_no_crash() {
        assert!(StopCondition::Finding.is_met_by(FindingKind::Hang));
        assert!(!StopCondition::Crash.is_met_by(FindingKind::Hang));
        assert!(StopCondition::Crash.is_met_by(FindingKind::Crash));
    }
}
