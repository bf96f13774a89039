//! Control group for all processes of a campaign (cgroups(7)). It limits their total memory and tasks, which limits of
//! single processes cannot. It needs a directory that this process may write to: with version 1 of control groups, root
//! has one, and `systemd-run --user --scope` gives one to any user. Otherwise the campaign has no control group.

mod hierarchy;
mod subgroup;

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::process::Command;

use indicatif::{HumanBytes, HumanCount};
use procfs::{Current, Meminfo};
use serde::{Deserialize, Serialize};

use self::subgroup::{Controller, Subgroup};
use crate::util::printable::counted;

/// Memory for each instance, in multiples of `--memory`: four for what a single input may allocate (see
/// `preload/src/sandbox/limits.rs`), and one for afl-fuzz, a second server (cmplog), and temporary files.
const MEMORY_FACTOR: u64 = 5;

/// Maximum share of the machine's memory for a campaign, in percent.
const MACHINE_PERCENT: u64 = 90;

/// Maximum number of processes and threads for each instance.
const TASKS: u64 = 1024;

/// Limits for all processes of a campaign together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupLimits {
    /// Memory, page cache included.
    pub memory_bytes: u64,
    /// Processes and threads.
    pub tasks: u64,
}

impl GroupLimits {
    /// Returns the limits for a number of instances, each with a server that may occupy `memory_mib` (`--memory`).
    #[must_use]
    pub fn for_instances(instances: usize, memory_mib: u32) -> Self {
        let instances = instances as u64;
        let wanted = instances * MEMORY_FACTOR * (u64::from(memory_mib) << 20);
        let machine = Meminfo::current().map_or(u64::MAX, |memory| memory.mem_total / 100 * MACHINE_PERCENT);
        Self { memory_bytes: wanted.min(machine), tasks: instances * TASKS }
    }
}

/// A control group, with a directory in each hierarchy that has one of its controllers. Dropping it removes the group;
/// its processes must have ended.
#[derive(Debug, Serialize, Deserialize)]
pub struct ControlGroup {
    parts: Vec<Subgroup>,
    description: String,
}

impl ControlGroup {
    /// Creates a group with these limits. Returns `None` if no directory for it is writable, or the kernel has no such
    /// controllers.
    #[must_use]
    pub fn create(limits: GroupLimits) -> Option<Self> {
        let wanted = [(Controller::MEMORY, limits.memory_bytes), (Controller::TASKS, limits.tasks)];
        let parts = subgroup::create(&wanted);
        let is_limited =
            |controller: Controller| parts.iter().any(|part| part.controllers().contains(&controller.name));
        let memory = HumanBytes(limits.memory_bytes).to_string();
        let tasks = format!("{} processes and threads", HumanCount(limits.tasks));
        let description = match (is_limited(Controller::MEMORY), is_limited(Controller::TASKS)) {
            (true, true) => format!("{memory} of memory and {tasks}"),
            (true, false) => format!("{memory} of memory"),
            (false, true) => tasks,
            (false, false) => return None,
        };
        Some(Self { parts, description })
    }

    /// Returns the limits, in words.
    #[must_use]
    pub fn limits(&self) -> &str {
        &self.description
    }

    /// Makes the command start in this group, together with its descendants.
    ///
    /// # Errors
    /// When the group cannot be opened.
    pub fn start_inside(&self, command: &mut Command) -> io::Result<()> {
        let open = |part: &Subgroup| OpenOptions::new().write(true).open(part.processes());
        let lists = self.parts.iter().map(open).collect::<io::Result<Vec<_>>>()?;
        let join = move || lists.iter().try_for_each(|mut list| list.write_all(subgroup::WRITER));
        // SAFETY: the closure must be async-signal-safe (signal-safety(7)). It only calls write(2) on open descriptors.
        unsafe { command.pre_exec(join) };
        Ok(())
    }

    /// Returns warnings about processes that the kernel killed or refused because of the limits.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let count =
            |controller: Controller| self.parts.iter().map(|part| part.events(controller)).sum::<u64>();
        let killed = count(Controller::MEMORY);
        let refused = count(Controller::TASKS);
        let killed = (killed > 0).then(|| {
            format!(
                "the kernel killed {} of the campaign, which had used up its {}. Crashes with sig:09 may come from \
                 that and may not happen again in sockfuzz replay. Raise --memory, or use fewer instances (-j)",
                counted(killed, "process", "processes"),
                self.description,
            )
        });
        let refused = (refused > 0).then(|| {
            format!(
                "the kernel refused the campaign {}: its limit is {}. Look for processes or threads that the server \
                 does not end",
                counted(refused, "process or thread", "processes and threads"),
                self.description,
            )
        });
        killed.into_iter().chain(refused).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn limits_scale_with_instances_up_to_the_memory_of_the_machine() {
        let one = GroupLimits::for_instances(1, 10);
        assert_eq!(one, GroupLimits { memory_bytes: 50 << 20, tasks: 1024 });
        assert_eq!(GroupLimits::for_instances(2, 10).memory_bytes, 2 * one.memory_bytes);
        let machine = Meminfo::current().expect("proc_meminfo(5)").mem_total;
        assert!(GroupLimits::for_instances(1000, 1 << 20).memory_bytes < machine);
    }

    /// A shell in the group cannot fork beyond the limit. Skipped if no group can be created.
    #[test]
    fn a_process_cannot_fork_beyond_the_limit() {
        let limits = GroupLimits { memory_bytes: 64 << 20, tasks: 1 };
        let Some(group) = ControlGroup::create(limits) else {
            eprintln!(
                "skipped: no control group is delegated to this process (systemd-run --user --scope gives one)"
            );
            return;
        };
        if !group.limits().contains("processes") {
            eprintln!("skipped: the control group cannot limit processes");
            return;
        }
        let mut shell = Command::new("sh");
        shell.args(["-c", "/bin/true; :"]).stderr(Stdio::null());
        group.start_inside(&mut shell).expect("joins");
        assert!(!shell.status().expect("starts").success());
        assert!(group.warnings().iter().any(|warning| warning.contains("refused")), "{:?}", group.warnings());
    }
}
