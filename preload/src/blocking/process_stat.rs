//! Status line of a thread or a process in /proc (proc_pid_stat(5)).

use std::os::fd::BorrowedFd;

use rustix::io::Errno;

use crate::sys::proc;

/// Bytes of the line that are read: enough for the fields up to the flags.
const MAX_LINE_BYTES: usize = 160;

/// Flag of a process that was forked, and has executed no program since (linux/sched.h: PF_FORKNOEXEC).
const FORKED_NOT_EXECUTED: u32 = 0x40;

/// Fields from the beginning of the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ProcessStat {
    state: u8,
    parent: i32,
    flags: u32,
}

impl ProcessStat {
    pub(super) fn read(file: BorrowedFd<'_>) -> Result<Self, Errno> {
        let mut line = [0_u8; MAX_LINE_BYTES];
        let len = rustix::io::pread(file, &mut line, 0)?;
        Self::parse(&line[..len]).ok_or(Errno::SRCH)
    }

    /// Parses the line. The fields follow the command, which is in parentheses and may itself contain parentheses.
    fn parse(line: &[u8]) -> Option<Self> {
        let command_end = line.iter().rposition(|&byte| byte == b')')?;
        let fields = std::str::from_utf8(line.get(command_end + 2..)?).ok()?;
        let mut fields = fields.split(' ');
        let state = *fields.next()?.as_bytes().first()?;
        let parent = fields.next()?.parse().ok()?;
        // The flags follow the process group, the session, the terminal and its process group.
        let flags = fields.nth(4)?.parse().ok()?;
        Some(Self { state, parent, flags })
    }

    /// Whether it runs or is runnable.
    pub(super) fn is_awake(self) -> bool {
        proc::is_awake(self.state)
    }

    /// Whether it has ended.
    pub(super) fn is_dead(self) -> bool {
        proc::is_dead(self.state)
    }

    /// Whether the process has executed a program since it was forked.
    pub(super) fn has_executed(self) -> bool {
        self.flags & FORKED_NOT_EXECUTED == 0
    }

    pub(super) fn is_child_of(self, parent: i32) -> bool {
        self.parent == parent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_with_parentheses_does_not_hide_the_fields() {
        let expected = |state| Some(ProcessStat { state, parent: 1, flags: 4_194_368 });
        assert_eq!(ProcessStat::parse(b"17 (a) R (b)) S 1 17 17 0 -1 4194368 9"), expected(b'S'));
        assert_eq!(ProcessStat::parse(b"17 (nginx) R 1 17 17 0 -1 4194368 9"), expected(b'R'));
        assert_eq!(ProcessStat::parse(b""), None);
    }
}
