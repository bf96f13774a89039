//! Fleet of two hosts: directories of this machine, or network namespaces with an sshd in each.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;

use crate::common::{self, TestDir};

/// Names of the hosts.
pub(crate) const HOSTS: [&str; 2] = ["alpha", "beta"];

/// Maximum time for a start that is refused.
const START_TIMEOUT: Duration = Duration::from_secs(120);

/// Network namespaces with an sshd in each. Dropping it removes them.
pub(crate) struct Lab {
    dir: TestDir,
}

impl Lab {
    /// Creates the hosts; `None` if the test has to be skipped.
    pub(crate) fn up() -> Option<Self> {
        for (program, package) in
            [("sshd", "openssh-server"), ("ssh", "openssh-client"), ("rsync", "rsync"), ("ip", "iproute2")]
        {
            common::installed(program, package)?;
        }
        let probe = Command::new("unshare").args(["--net", "true"]).output();
        if !rustix::process::geteuid().is_root() || !probe.is_ok_and(|it| it.status.success()) {
            common::skip("only root may create network namespaces");
            return None;
        }
        let lab = Self { dir: TestDir::new() };
        lab.script("up", &[]);
        Some(lab)
    }

    /// Runs a step of `harness/fleet/lab`.
    pub(crate) fn script(&self, action: &str, arguments: &[&str]) {
        let mut command = Command::new(common::workspace().path("harness/fleet/lab"));
        command.arg(action).arg(self.dir.path("net")).args(arguments);
        assert!(command.status().expect("bash is installed").success(), "lab {action} {arguments:?}");
    }

    /// Returns the name of a host's network namespace.
    pub(crate) fn namespace(&self, host: &str) -> String {
        let id = fs::read_to_string(self.dir.path("net/id")).expect("up");
        format!("sf{}-{host}", id.trim())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.script("down", &[]);
    }
}

/// Fleet with a bundle and a file of hosts. Dropping it stops the hosts.
pub(crate) struct FleetFixture {
    dir: TestDir,
}

impl FleetFixture {
    /// Makes the bundle, and a file with the hosts of the lab, or with directories of this machine.
    pub(crate) fn new(lab: Option<&Lab>) -> Self {
        let dir = TestDir::new();
        let server = common::bundled(common::program_with("epoll", false));
        let run = format!(
            "#!/bin/sh\nexec '{}' fuzz \"$@\" --no-check -- '{}' --model epoll\n",
            env!("CARGO_BIN_EXE_sockfuzz"),
            server.display(),
        );
        let run = dir.write("bundle/run", run.as_bytes());
        let status = Command::new("chmod").arg("+x").arg(run).status().expect("runs");
        assert!(status.success(), "chmod");
        let mut hosts =
            "bundle = 'bundle'\noutput = 'hub'\ninterval_s = 60\nflags = ['--afl', '-c -']\n".to_owned();
        for host in HOSTS {
            let directory = dir.path(host).join("a b");
            hosts +=
                &format!("[[hosts]]\nname = '{host}'\njobs = 1\ndirectory = '{}'\n", directory.display());
            if let Some(lab) = lab {
                let config = lab.dir.path("net/ssh_config");
                hosts += &format!("ssh = '{host}'\nssh_options = ['-F', '{}']\n", config.display());
            }
        }
        dir.write("hosts.toml", hosts.as_bytes());
        Self { dir }
    }

    /// Runs a step of `sockfuzz sync`.
    pub(crate) fn sync(&self, arguments: &[&str]) -> assert_cmd::assert::Assert {
        // The hosts share the cores with other tests, and two may have no core free.
        self.dir.sockfuzz().env("AFL_NO_AFFINITY", "1").arg("sync").args(arguments).assert()
    }

    /// Runs `sockfuzz fuzz` in the output directory of a host.
    pub(crate) fn fuzz(&self, host: &str, arguments: &[&str]) -> assert_cmd::assert::Assert {
        let mut command = assert_cmd::Command::new(self.dir.path("bundle/run"));
        command
            .arg("-o")
            .arg(self.directory(host).join("out"))
            .args(arguments)
            .timeout(START_TIMEOUT)
            .assert()
    }

    /// Returns the directory of a host.
    pub(crate) fn directory(&self, host: &str) -> PathBuf {
        self.dir.path(host).join("a b")
    }

    /// Returns the directory of a host's instance.
    pub(crate) fn instance(&self, host: &str) -> PathBuf {
        self.directory(host).join("out").join(format!("{host}-main"))
    }

    /// Returns the number of executions of a host.
    pub(crate) fn executions(&self, host: &str) -> u64 {
        common::stat(&self.directory(host).join("out"), &format!("{host}-main"), "execs_done") as u64
    }

    /// Kills `sockfuzz fuzz` of a host, as a reboot would.
    pub(crate) fn kill(&self, host: &str) {
        let pid_file = fs::read_to_string(self.directory(host).join("run.pid")).expect("it runs");
        let group = pid_file.split_whitespace().last().and_then(|group| group.parse().ok());
        let group = group.and_then(Pid::from_raw).expect("a process group");
        kill_process_group(group, Signal::KILL).expect("it runs");
        let lock = self.directory(host).join("out/sockfuzz.target");
        // The guard ends afl-fuzz, whose directory can be used again then.
        let status = Command::new("flock").args(["--timeout", "60"]).arg(lock).arg("true").status();
        assert!(status.expect("flock is installed").success(), "it ends");
    }

    /// Returns the report of all hosts.
    pub(crate) fn report(&self) -> Value {
        self.report_in(&self.dir.path("hub"))
    }

    /// Returns the report of a host's own campaign.
    pub(crate) fn report_of(&self, host: &str) -> Value {
        self.report_in(&self.directory(host).join("out"))
    }

    fn report_in(&self, out: &Path) -> Value {
        let output =
            self.dir.sockfuzz().args(["report", "--format", "json", "-o", "-"]).arg(out).assert().code(0);
        serde_json::from_slice(&output.get_output().stdout).expect("JSON")
    }
}

impl Drop for FleetFixture {
    fn drop(&mut self) {
        // A test that has failed may have left hosts that run.
        let _ = self.dir.sockfuzz().args(["sync", "stop"]).output();
    }
}
