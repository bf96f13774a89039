//! Descriptions of open files: /proc/self/fdinfo and the links in /proc/self/fd (proc_pid_fdinfo(5),
//! proc_pid_fd(5)).

use std::fs;
use std::os::fd::RawFd;

use rustix::event::epoll::EventFlags;

/// Description of an open file, with one `key: value` per line.
#[derive(Debug)]
pub(crate) struct FdInfo(String);

impl FdInfo {
    /// Reads the description of `fd`; it is empty if there is none.
    pub(crate) fn read(fd: RawFd) -> Self {
        Self(fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).unwrap_or_default())
    }

    /// Returns the value that follows `key`; `key` includes the colon.
    pub(crate) fn field(&self, key: &str) -> Option<&str> {
        self.0.lines().find_map(|line| line.strip_prefix(key)).map(str::trim)
    }

    /// Returns the registrations of an epoll instance.
    pub(crate) fn epoll_targets(&self) -> impl Iterator<Item = EpollTarget> {
        self.0.lines().filter_map(EpollTarget::parse)
    }
}

impl From<&str> for FdInfo {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// A registration with an epoll instance, as the kernel describes it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct EpollTarget {
    pub(crate) fd: RawFd,
    pub(crate) events: EventFlags,
    pub(crate) data: u64,
}

impl EpollTarget {
    /// Parses a line such as `tfd: 5 events: 19 data: 5`: the descriptor is decimal, the rest hexadecimal.
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let mut after = |key: &str| (words.next()? == key).then(|| words.next()).flatten();
        let fd = after("tfd:")?.parse().ok()?;
        let events = EventFlags::from_bits_retain(u32::from_str_radix(after("events:")?, 16).ok()?);
        let data = u64::from_str_radix(after("data:")?, 16).ok()?;
        Some(Self { fd, events, data })
    }
}

/// Returns the name of the open file of `fd`, such as `pipe:[17]`, `anon_inode:[eventpoll]` or a path.
pub(crate) fn target(fd: RawFd) -> Option<String> {
    let target = fs::read_link(format!("/proc/self/fd/{fd}")).ok()?;
    Some(target.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epoll_targets_are_read_from_fdinfo() {
        let info = FdInfo::from(
            "pos:\t0\nflags:\t02\ntfd:        5 events: 8000201d data: ffff55a104e7ebd8  pos:0 ino:2a3 sdev:8\n",
        );
        let expected = EpollTarget {
            fd: 5,
            events: EventFlags::from_bits_retain(0x8000_201d),
            data: 0xffff_55a1_04e7_ebd8,
        };
        assert_eq!(info.epoll_targets().collect::<Vec<_>>(), [expected]);
        assert_eq!(info.field("flags:"), Some("02"));
    }
}
