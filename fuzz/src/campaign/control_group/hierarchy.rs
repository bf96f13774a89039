//! Hierarchies of control groups (cgroups(7)), and the group of this process in each.

use std::fs;
use std::path::{Path, PathBuf};

use procfs::process::{MountInfo, Process};
use procfs::{ProcResult, ProcessCGroup};

/// A hierarchy, with the group of this process.
#[derive(Debug)]
pub(super) struct Hierarchy {
    /// Directory of the group of this process.
    pub(super) directory: PathBuf,
    /// Names of the controllers that are available to child groups.
    pub(super) controllers: Vec<String>,
    /// Whether this is the unified hierarchy (version 2). There, a group with processes gives its child groups no
    /// controllers.
    pub(super) is_unified: bool,
}

/// Returns all mounted hierarchies.
///
/// # Errors
/// When /proc cannot be read.
pub(super) fn all() -> ProcResult<Vec<Hierarchy>> {
    let process = Process::myself()?;
    let mounts = process.mountinfo()?;
    let find = |group: &ProcessCGroup| mounts.iter().find_map(|mount| hierarchy(group, mount));
    Ok(process.cgroups()?.0.iter().filter_map(find).collect())
}

/// Returns the hierarchy of a group if `mount` is the mount of that hierarchy.
fn hierarchy(group: &ProcessCGroup, mount: &MountInfo) -> Option<Hierarchy> {
    let is_unified = group.hierarchy == 0;
    let is_mount = match is_unified {
        true => mount.fs_type == "cgroup2",
        false => {
            let has = |controller: &String| mount.super_options.contains_key(controller);
            mount.fs_type == "cgroup" && !group.controllers.is_empty() && group.controllers.iter().all(has)
        }
    };
    let below_mount = Path::new(&group.pathname).strip_prefix(&mount.root).ok().filter(|_| is_mount)?;
    let directory = mount.mount_point.join(below_mount);
    let controllers = match is_unified {
        true => words_of(&directory.join("cgroup.controllers")),
        false => group.controllers.clone(),
    };
    Some(Hierarchy { directory, controllers, is_unified })
}

/// Returns the words in a file of a control group, or none if the file cannot be read.
pub(super) fn words_of(file: &Path) -> Vec<String> {
    fs::read_to_string(file).unwrap_or_default().split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(hierarchy: u32, controllers: &[&str], pathname: &str) -> ProcessCGroup {
        let controllers = controllers.iter().map(ToString::to_string).collect();
        ProcessCGroup { hierarchy, controllers, pathname: pathname.to_owned() }
    }

    fn mount(line: &str) -> MountInfo {
        MountInfo::from_line(line).expect("a line of proc_pid_mountinfo(5)")
    }

    #[test]
    fn version_1_has_a_mount_for_each_controller() {
        let memory = mount("35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory");
        let found = hierarchy(&group(4, &["memory"], "/users/me"), &memory).expect("its mount");
        assert_eq!(found.directory, Path::new("/sys/fs/cgroup/memory/users/me"));
        assert_eq!((found.controllers, found.is_unified), (vec!["memory".to_owned()], false));
        assert!(hierarchy(&group(8, &["pids"], "/users/me"), &memory).is_none());
        assert!(hierarchy(&group(0, &[], "/"), &memory).is_none());
    }

    #[test]
    fn a_container_sees_a_part_of_version_2() {
        let part = mount("30 23 0:26 /box /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate");
        let found = hierarchy(&group(0, &[], "/box/inside"), &part).expect("its mount");
        assert_eq!(found.directory, Path::new("/sys/fs/cgroup/inside"));
        assert!(found.is_unified);
        assert!(hierarchy(&group(0, &[], "/elsewhere"), &part).is_none());
    }
}
