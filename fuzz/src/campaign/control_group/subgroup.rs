//! Directory of a control group in one hierarchy.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::hierarchy::{self, Hierarchy};

/// Process id that stands for the writing process when written to `cgroup.procs`.
pub(super) const WRITER: &[u8] = b"0";

/// Timeout for terminated processes to leave a group.
const REMOVAL_TIMEOUT: Duration = Duration::from_secs(2);

/// Interval between attempts to remove a group.
const REMOVAL_INTERVAL: Duration = Duration::from_millis(10);

/// A controller, and its files in both versions of control groups (Documentation/admin-guide: cgroup-v1, cgroup-v2).
#[derive(Debug, Clone, Copy)]
pub(super) struct Controller {
    /// Name of the controller.
    pub(super) name: &'static str,
    /// Files with its limit, in version 1 and in version 2.
    limits: [&'static str; 2],
    /// Files with its event counters, in version 1 and in version 2.
    events: [&'static str; 2],
    /// Name of the counter of kills or refusals because of the limit.
    event: &'static str,
}

impl Controller {
    /// Memory, in bytes.
    pub(super) const MEMORY: Self = Self {
        name: "memory",
        limits: ["memory.limit_in_bytes", "memory.max"],
        events: ["memory.oom_control", "memory.events"],
        event: "oom_kill",
    };
    /// Processes and threads.
    pub(super) const TASKS: Self = Self {
        name: "pids",
        limits: ["pids.max", "pids.max"],
        events: ["pids.events", "pids.events"],
        event: "max",
    };
}

/// A directory of a control group, which is removed on drop.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Subgroup {
    directory: PathBuf,
    controllers: Vec<String>,
    parent: Option<PreparedParent>,
}

/// Creates a group with these limits in each hierarchy that is delegated to this process and has such controllers.
pub(super) fn create(limits: &[(Controller, u64)]) -> Vec<Subgroup> {
    let limit = |hierarchy: Hierarchy| {
        let has = |(controller, _): &&(Controller, u64)| {
            hierarchy.controllers.iter().any(|name| name == controller.name)
        };
        let limits: Vec<_> = limits.iter().filter(has).copied().collect();
        // A hierarchy that is not delegated refuses the first write.
        (!limits.is_empty()).then(|| Subgroup::create(&hierarchy, &limits).ok()).flatten()
    };
    hierarchy::all().unwrap_or_default().into_iter().filter_map(limit).collect()
}

impl Subgroup {
    fn create(hierarchy: &Hierarchy, limits: &[(Controller, u64)]) -> io::Result<Self> {
        let directory = hierarchy.directory.join(format!("sockfuzz-{}", process::id()));
        fs::create_dir(&directory)?;
        let controllers: Vec<_> = limits.iter().map(|(controller, _)| controller.name.to_owned()).collect();
        let mut group = Self { directory, controllers, parent: None };
        if hierarchy.is_unified {
            group.parent = Some(PreparedParent::prepare(&hierarchy.directory, &group.controllers)?);
        }
        for (controller, most) in limits {
            let file = controller.limits[usize::from(hierarchy.is_unified)];
            fs::write(group.directory.join(file), most.to_string())?;
        }
        Ok(group)
    }

    /// Returns the names of the controllers that limit the group.
    pub(super) fn controllers(&self) -> Vec<&str> {
        self.controllers.iter().map(String::as_str).collect()
    }

    /// Returns the path of the list of processes in the group.
    pub(super) fn processes(&self) -> PathBuf {
        processes_of(&self.directory)
    }

    /// Returns the number of times that the kernel enforced the limit of a controller.
    pub(super) fn events(&self, controller: Controller) -> u64 {
        let counters = controller.events.map(|file| hierarchy::words_of(&self.directory.join(file)));
        let mut words = counters.iter().flatten().skip_while(|word| *word != controller.event);
        words.nth(1).and_then(|count| count.parse().ok()).unwrap_or(0)
    }
}

impl Drop for Subgroup {
    fn drop(&mut self) {
        remove(&self.directory);
        if let Some(parent) = &self.parent {
            parent.restore();
        }
    }
}

/// A group of the unified hierarchy that gives controllers to its child groups, and so must have no processes itself.
/// If necessary, this process moves to another child group until the end.
#[derive(Debug, Serialize, Deserialize)]
struct PreparedParent {
    directory: PathBuf,
    /// Child group that this process has moved to.
    aside: Option<PathBuf>,
    /// Controllers that child groups did not have before.
    given: Vec<String>,
}

impl PreparedParent {
    fn prepare(directory: &Path, controllers: &[String]) -> io::Result<Self> {
        let before = hierarchy::words_of(&directory.join(GIVEN_CONTROLLERS));
        let given = controllers.iter().filter(|name| !before.contains(name)).cloned().collect();
        let mut parent = Self { directory: directory.to_owned(), aside: None, given };
        let result = parent.give('+').or_else(|_| {
            parent.step_aside()?;
            parent.give('+')
        });
        match result {
            Ok(()) => Ok(parent),
            Err(error) => {
                parent.restore();
                Err(error)
            }
        }
    }

    /// Gives the controllers to child groups ('+'), or takes them back ('-').
    fn give(&self, sign: char) -> io::Result<()> {
        let request: String = self.given.iter().map(|name| format!("{sign}{name} ")).collect();
        match request.as_str() {
            "" => Ok(()),
            request => fs::write(self.directory.join(GIVEN_CONTROLLERS), request),
        }
    }

    fn step_aside(&mut self) -> io::Result<()> {
        let aside = self.directory.join(format!("sockfuzz-{}-itself", process::id()));
        fs::create_dir(&aside)?;
        let processes = processes_of(&aside);
        self.aside = Some(aside);
        fs::write(processes, WRITER)
    }

    /// Restores the state before [`Self::prepare`], except where other processes prevent that.
    fn restore(&self) {
        let _ = self.give('-');
        if let Some(aside) = &self.aside {
            let _ = fs::write(processes_of(&self.directory), WRITER);
            remove(aside);
        }
    }
}

/// File that lists the controllers which a group of the unified hierarchy gives to its child groups.
const GIVEN_CONTROLLERS: &str = "cgroup.subtree_control";

fn processes_of(directory: &Path) -> PathBuf {
    directory.join("cgroup.procs")
}

/// Removes the directory of a group as soon as its last process has left, within [`REMOVAL_TIMEOUT`].
fn remove(directory: &Path) {
    let deadline = Instant::now() + REMOVAL_TIMEOUT;
    while let Err(error) = fs::remove_dir(directory)
        && error.kind() == io::ErrorKind::ResourceBusy
        && Instant::now() < deadline
    {
        thread::sleep(REMOVAL_INTERVAL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Uses the controller of huge pages, which is harmless to delegate on a machine that has it.
    #[test]
    fn a_delegated_group_of_the_unified_hierarchy_is_restored() {
        const HUGE_PAGES: Controller = Controller {
            name: "hugetlb",
            limits: ["", "hugetlb.2MB.max"],
            events: ["", "hugetlb.2MB.events"],
            event: "max",
        };
        let unified = hierarchy::all().unwrap_or_default().into_iter().find(|hierarchy| hierarchy.is_unified);
        let Some(unified) = unified.filter(|it| it.controllers.iter().any(|name| name == HUGE_PAGES.name))
        else {
            eprintln!("skipped: no unified hierarchy with the controller hugetlb");
            return;
        };
        let delegated = unified.directory.join(format!("test-{}", process::id()));
        let given = || hierarchy::words_of(&unified.directory.join(GIVEN_CONTROLLERS));
        if fs::write(unified.directory.join(GIVEN_CONTROLLERS), "+hugetlb").is_err()
            || fs::create_dir(&delegated).is_err()
        {
            eprintln!("skipped: the unified hierarchy is not delegated to this process");
            return;
        }
        assert!(given().contains(&HUGE_PAGES.name.to_owned()));
        // The only process of the delegated group, which has to move to a child group.
        let mut child = process::Command::new(std::env::current_exe().expect("this test"))
            .args(["--exact", "campaign::control_group::subgroup::tests::in_a_child", "--ignored"])
            .env("DELEGATED", &delegated)
            .spawn()
            .expect("starts");
        let status = child.wait().expect("ends");
        remove(&delegated);
        let _ = fs::write(unified.directory.join(GIVEN_CONTROLLERS), "-hugetlb");
        assert!(status.success());
        assert!(!delegated.exists(), "nothing is left below it");
    }

    #[test]
    #[ignore = "run by the test above, in a process of its own"]
    fn in_a_child() {
        let directory = PathBuf::from(std::env::var_os("DELEGATED").expect("set by the test above"));
        fs::write(processes_of(&directory), WRITER).expect("joins the group");
        let controllers = ["hugetlb".to_owned()];
        fs::create_dir(directory.join("campaign")).expect("mkdir");
        let parent = PreparedParent::prepare(&directory, &controllers).expect("delegated");
        assert_eq!(
            parent.aside.as_deref(),
            Some(directory.join(format!("sockfuzz-{}-itself", process::id())).as_path())
        );
        assert_eq!(hierarchy::words_of(&directory.join(GIVEN_CONTROLLERS)), controllers);
        assert!(directory.join("campaign/hugetlb.2MB.max").exists());
        fs::remove_dir(directory.join("campaign")).expect("rmdir");
        parent.restore();
        assert_eq!(hierarchy::words_of(&directory.join(GIVEN_CONTROLLERS)), [""; 0]);
        assert_eq!(hierarchy::words_of(&processes_of(&directory)), [process::id().to_string()]);
    }
}
