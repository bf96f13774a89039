//! State of a host, as the script that runs there prints it.

use std::fmt;

use crate::campaign::stats::FuzzerStats;

/// State of `sockfuzz fuzz` on a host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RunState {
    /// It was never started.
    #[default]
    New,
    /// It runs.
    Running,
    /// It was stopped by `sockfuzz sync stop`.
    Stopped,
    /// It has ended with this exit status; with none if it was killed, for example by a reboot.
    Ended(Option<u8>),
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New => f.write_str("not started"),
            Self::Running => f.write_str("running"),
            Self::Stopped => f.write_str("stopped"),
            Self::Ended(Some(0)) => f.write_str("complete"),
            Self::Ended(Some(status)) => write!(f, "ended with status {status}"),
            Self::Ended(None) => f.write_str("killed"),
        }
    }
}

/// State of a host.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HostState {
    /// Absolute path of its directory.
    pub directory: String,
    /// Machine, by its name in uname(2).
    pub machine: String,
    /// Processors that are online, if it says so.
    pub cores: Option<u16>,
    /// Programs that are missing.
    pub missing: Vec<String>,
    /// State of `sockfuzz fuzz`.
    pub run: RunState,
    /// Whether it has the bundle.
    pub has_bundle: bool,
    /// Whether it has an output directory of a campaign.
    pub has_output: bool,
    /// Number of files that it got from other hosts.
    pub fleet_files: usize,
    /// Last lines that `sockfuzz fuzz` printed.
    pub log: Vec<String>,
    /// Figures of its instances.
    pub stats: Vec<FuzzerStats>,
}

impl HostState {
    /// Parses the lines of the script.
    ///
    /// # Errors
    /// The error that the script names, or output of something else.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut state = Self::default();
        let mut exit = None;
        let mut run = None;
        let mut figures: Vec<String> = Vec::new();
        for (name, value) in text.lines().filter_map(|line| line.split_once('=')) {
            let owned = || value.to_owned();
            match name {
                "error" => return Err(owned()),
                "directory" => state.directory = owned(),
                "machine" => state.machine = owned(),
                "cores" => state.cores = value.parse().ok(),
                "missing" => state.missing.push(owned()),
                "bundle" => state.has_bundle = true,
                "output" => state.has_output = true,
                "fleet" => state.fleet_files = value.trim().parse().unwrap_or(0),
                "state" => run = Some(owned()),
                "exit" => exit = value.parse().ok(),
                "log" => state.log.push(owned()),
                "instance" => figures.push(String::new()),
                _ => {
                    if let (Some(figure), Some(text)) = (name.strip_prefix("stat."), figures.last_mut()) {
                        text.push_str(&format!("{figure} : {value}\n"));
                    }
                }
            }
        }
        state.run = match run.as_deref() {
            Some("new") => RunState::New,
            Some("running") => RunState::Running,
            Some("stopped") => RunState::Stopped,
            Some("ended") => RunState::Ended(exit),
            _ => return Err("it answers with something else than the script of sockfuzz".to_owned()),
        };
        state.stats = figures.iter().map(|text| FuzzerStats::parse(text)).collect();
        Ok(state)
    }

    /// Returns the figures of all its instances together, if they have reported.
    #[must_use]
    pub fn together(&self) -> Option<FuzzerStats> {
        FuzzerStats::combine(&self.stats)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_the_script_are_read() {
        let text = "banner of the host\ndirectory=/srv/f\nmachine=x86_64\ncores=8\nmissing=rsync\nfleet= 17\nstate=ended\n\
                    exit=5\nlog=a=b\ninstance=a-main\nstat.execs_done=100\nstat.stability=99.00%\ninstance=a-s1\n\
                    stat.execs_done=20\n";
        let state = HostState::parse(text).expect("readable");
        assert_eq!((state.run, state.cores, state.fleet_files), (RunState::Ended(Some(5)), Some(8), 17));
        assert_eq!((state.log, state.missing), (vec!["a=b".to_owned()], vec!["rsync".to_owned()]));
        assert_eq!(FuzzerStats::combine(&state.stats).expect("two").executions, 120);
    }

    #[test]
    fn errors_and_other_output_are_told() {
        assert_eq!(HostState::parse("error=no space").expect_err("an error"), "no space");
        HostState::parse("This account is not available.").expect_err("no state");
    }
}
