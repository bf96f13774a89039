//! Detection of new processes in the whole system: a program that the server has started may start others, which no
//! hook sees. (The kernel lists the children of a process only if it was built for that, which is rare.)

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use rustix::fs::{Mode, OFlags, openat};
use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::process_stat::ProcessStat;
use crate::sys::fd_table::{self, FdKind};
use crate::sys::proc;

/// Maximum number of new process ids that are read one by one. If there are more, all processes are read.
const MAX_NUMBERS: i32 = 64;

/// Lowest descriptor of /proc/loadavg: among the other protected descriptors.
const FIRST_FD: RawFd = fd_table::FIRST_PROTECTED_FD;

/// Position in the sequence of created processes.
#[derive(Debug, Default)]
pub(super) struct NewProcesses {
    load: Option<LoadFile>,
    /// Id of the process that was created last, at the last call; `None` before the first.
    latest: Option<i32>,
}

impl NewProcesses {
    pub(super) const fn new() -> Self {
        Self { load: None, latest: None }
    }

    /// Calls `action` with every process that was created since the last call, parents before their children. At the
    /// first call, these are all processes. `processes` is /proc.
    pub(super) fn for_each(&mut self, processes: BorrowedFd<'_>, mut action: impl FnMut(Pid, ProcessStat)) {
        // Read first: the next call sees processes that are created meanwhile.
        let Ok(latest) = self.read_latest(processes) else { return };
        let before = self.latest.replace(latest);
        let mut look = |id| {
            let stat = proc::open_stat(processes, id).and_then(|file| ProcessStat::read(file.as_fd()));
            if let (Ok(stat), Some(id)) = (stat, Pid::from_raw(id)) {
                action(id, stat);
            }
        };
        match before {
            Some(before) if before == latest => {}
            Some(before) if (before..before + MAX_NUMBERS).contains(&latest) => {
                (before + 1..=latest).filter(|&id| is_process(id)).for_each(look);
            }
            _ => drop(proc::for_each_number(processes, &mut look)),
        }
    }

    fn read_latest(&mut self, processes: BorrowedFd<'_>) -> Result<i32, Errno> {
        let load = match &mut self.load {
            Some(load) => load,
            none => none.insert(LoadFile::open(processes)?),
        };
        load.latest_process()
    }
}

/// Whether an id is that of a process, and not of an additional thread (pidfd_open(2)).
fn is_process(id: i32) -> bool {
    Pid::from_raw(id).is_some_and(|id| pidfd_open(id, PidfdFlags::empty()).is_ok())
}

/// /proc/loadavg, kept open.
#[derive(Debug)]
struct LoadFile(OwnedFd);

impl LoadFile {
    fn open(processes: BorrowedFd<'_>) -> Result<Self, Errno> {
        let file = openat(processes, c"loadavg", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        let kept = fcntl_dupfd_cloexec(&file, FIRST_FD)?;
        fd_table::protect(kept.as_raw_fd());
        Ok(Self(kept))
    }

    /// Returns the id of the process or thread that was created last (proc_loadavg(5), the last field).
    fn latest_process(&self) -> Result<i32, Errno> {
        let mut line = [0_u8; 80];
        let len = rustix::io::pread(&self.0, &mut line, 0)?;
        let line = std::str::from_utf8(&line[..len]).map_err(|_| Errno::INVAL)?;
        line.split_whitespace().last().and_then(|number| number.parse().ok()).ok_or(Errno::INVAL)
    }
}

impl Drop for LoadFile {
    fn drop(&mut self) {
        fd_table::set(self.0.as_raw_fd(), FdKind::Unmanaged);
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn each_new_process_is_seen_once() {
        let processes = proc::open_processes().expect("/proc is mounted");
        let mut new_processes = NewProcesses::new();
        let mut see = |wanted: u32| {
            let mut seen = 0;
            new_processes.for_each(processes.as_fd(), |id, stat| {
                let is_it = id.as_raw_pid().cast_unsigned() == wanted;
                seen += u32::from(is_it && stat.is_child_of(rustix::process::getpid().as_raw_pid()));
            });
            seen
        };
        let mut first = Command::new("sleep").arg("10").spawn().expect("it starts");
        assert_eq!([see(first.id()), see(first.id())], [1, 0]);
        let mut second = Command::new("sleep").arg("10").spawn().expect("it starts");
        assert_eq!([see(second.id()), see(second.id())], [1, 0]);
        for child in [&mut first, &mut second] {
            child.kill().expect("it is there");
            child.wait().expect("it is a child");
        }
    }
}
