//! File that describes a fleet: the hosts, and what they have in common.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use serde::Deserialize;

use crate::campaign::host_name::HostName;
use crate::util::problem::Problem;

/// Commented example, written by `sockfuzz sync init`.
pub const EXAMPLE: &str = include_str!("example.toml");

/// Default interval between two exchanges. AFL++ recommends hours, or a tenth of the campaign.
const DEFAULT_INTERVAL_S: u64 = 1800;

/// Options that sockfuzz gives to `run` itself.
const RESERVED_FLAGS: &[&str] = &["-o", "--output", "-j", "--jobs", "--host", "--no-triage", "--"];

/// Hosts of a campaign, and what they have in common.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FleetConfig {
    /// Directory with an executable `run` that takes the flags of `sockfuzz fuzz`.
    pub bundle: PathBuf,
    /// Directory on this machine for what is collected.
    pub output: PathBuf,
    /// Seconds between two exchanges.
    #[serde(default = "default_interval")]
    interval_s: u64,
    /// Maximum bandwidth to and from each host in KiB per second.
    #[serde(default)]
    pub bandwidth_kib_s: Option<u32>,
    /// Additional flags for `sockfuzz fuzz`.
    #[serde(default)]
    pub flags: Vec<String>,
    /// The hosts.
    pub hosts: Vec<FleetHost>,
}

/// Host that fuzzes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FleetHost {
    /// Name, which begins the names of its instances.
    pub name: HostName,
    /// Destination, as ssh takes it; `None` if the directory is one of this machine, for example on a shared volume.
    #[serde(default)]
    pub ssh: Option<String>,
    /// Additional options for ssh.
    #[serde(default)]
    pub ssh_options: Vec<String>,
    /// Directory on the host for the bundle and the output directory; relative to the home directory.
    pub directory: String,
    /// Instances of afl-fuzz.
    pub jobs: u16,
}

fn default_interval() -> u64 {
    DEFAULT_INTERVAL_S
}

impl FleetConfig {
    /// Reads the file. Relative paths in it are relative to its directory.
    ///
    /// # Errors
    /// A file that is missing, is not TOML, or has values that cannot be used.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(|error| {
            Problem::failed(
                format!("{} cannot be read: {error}", path.display()),
                "sockfuzz sync init FILE writes an example",
            )
        })?;
        let mut config: Self =
            toml::from_str(&text).map_err(|error| unusable(path, error.to_string().trim_end()))?;
        config.validate().map_err(|error| unusable(path, &error))?;
        let path = std::path::absolute(path)?;
        let base = path.parent().unwrap_or(Path::new("/"));
        config.bundle = base.join(&config.bundle);
        config.output = base.join(&config.output);
        Ok(config)
    }

    /// Returns the interval between two exchanges.
    #[must_use]
    pub fn interval(&self) -> Duration {
        Duration::from_secs(self.interval_s)
    }

    fn validate(&self) -> Result<(), String> {
        if self.interval_s == 0 {
            return Err("interval_s must be at least 1".to_owned());
        }
        if self.hosts.is_empty() {
            return Err("it has no [[hosts]]".to_owned());
        }
        if let Some(flag) = self.flags.iter().find(|flag| RESERVED_FLAGS.contains(&flag.as_str())) {
            return Err(format!("flags: {flag} is set by sockfuzz sync itself"));
        }
        let mut names = BTreeSet::new();
        let mut places = BTreeSet::new();
        for FleetHost { name, ssh, directory, jobs, ssh_options: _ } in &self.hosts {
            if !names.insert(name.as_str()) {
                return Err(format!("two hosts are named {name}"));
            }
            if !places.insert((ssh, directory)) {
                return Err(format!("two hosts use the directory {directory}"));
            }
            if let Some(ssh) = ssh.as_ref().filter(|ssh| ssh.is_empty() || ssh.starts_with('-')) {
                return Err(format!("host {name}: {ssh:?} is no destination for ssh"));
            }
            if ssh.is_none() && !directory.starts_with('/') {
                return Err(format!(
                    "host {name}: without `ssh`, {directory:?} must be an absolute path of this machine"
                ));
            }
            if directory.is_empty() || directory.starts_with(['-', '~']) {
                return Err(format!(
                    "host {name}: {directory:?} is no directory: give an absolute path, or one relative to the home directory"
                ));
            }
            if *jobs == 0 {
                return Err(format!("host {name}: jobs must be at least 1"));
            }
        }
        Ok(())
    }
}

fn unusable(path: &Path, error: &str) -> Problem {
    Problem::failed(
        format!("{} cannot be used: {error}", path.display()),
        "correct it; sockfuzz sync init FILE writes an example with comments",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(text: &str) -> String {
        let directory = tempfile::tempdir().expect("tempdir");
        let path = directory.path().join("hosts.toml");
        fs::write(&path, text).expect("write");
        FleetConfig::read(&path).expect_err("unusable").to_string()
    }

    fn with_hosts(hosts: &str) -> String {
        format!("bundle = 'b'\noutput = 'o'\n{hosts}")
    }

    #[test]
    fn the_example_can_be_used() {
        let directory = tempfile::tempdir().expect("tempdir");
        let path = directory.path().join("hosts.toml");
        fs::write(&path, EXAMPLE).expect("write");
        let config = FleetConfig::read(&path).expect("usable");
        assert_eq!(config.interval(), Duration::from_secs(DEFAULT_INTERVAL_S));
        assert_eq!(config.bundle, directory.path().join("bundle"));
        assert!(config.hosts.len() > 1);
    }

    #[test]
    fn values_that_cannot_be_used_are_named() {
        let host = |name: &str| format!("[[hosts]]\nname='{name}'\nssh='{name}'\ndirectory='d'\njobs=1\n");
        assert!(error_of(&with_hosts(&(host("a") + &host("a")))).contains("two hosts are named a"));
        assert!(error_of(&with_hosts(&host("a b"))).contains("no name for a host"));
        assert!(error_of(&with_hosts(&host("-oX"))).contains("no name for a host"));
        assert!(error_of(&with_hosts(&host("a").replace("ssh='a'", "ssh='-oX'"))).contains("no destination"));
        assert!(error_of(&with_hosts(&host("a").replace("ssh='a'", ""))).contains("absolute path"));
        assert!(error_of(&with_hosts(&host("a").replace("jobs=1", "jobs=0"))).contains("jobs"));
        assert!(error_of(&with_hosts("hosts = []\n")).contains("no [[hosts]]"));
        assert!(error_of(&with_hosts(&format!("flags=['-j']\n{}", host("a")))).contains("-j is set"));
        assert!(error_of(&with_hosts(&format!("port=22\n{}", host("a")))).contains("unknown field"));
    }
}
