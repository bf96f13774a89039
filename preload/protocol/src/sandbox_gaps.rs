//! Gaps of the sandbox on this machine. The preload records them; the command line reports them to the user.

use std::fmt;

/// Resource that the sandbox does not protect from the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum SandboxGap {
    /// Content of files, and directories.
    Files = 1,
    /// Modes, owners and times of files.
    Attributes = 2,
    /// Devices: a read-only file system does not protect writes to their nodes.
    Devices = 4,
    /// Other hosts, and local servers.
    Network = 8,
    /// Processes outside the sandbox, which can receive signals.
    Processes = 16,
    /// Limits, priorities and processors of processes outside the sandbox.
    Scheduling = 32,
    /// System V shared memory, semaphores and message queues, and POSIX message queues.
    SharedMemory = 64,
    /// Local servers whose sockets have a path.
    LocalSockets = 128,
}

impl SandboxGap {
    const ALL: [Self; 8] = [
        Self::Files,
        Self::Attributes,
        Self::Devices,
        Self::Network,
        Self::Processes,
        Self::Scheduling,
        Self::SharedMemory,
        Self::LocalSockets,
    ];

    const fn words(self) -> &'static str {
        match self {
            Self::Files => "files (needs Landlock or user namespaces)",
            Self::Attributes => "modes and owners of files (user namespaces)",
            Self::Devices => "device nodes (Landlock)",
            Self::Network => "the network (user namespaces)",
            Self::Processes => "other processes from signals (Landlock of Linux 6.12)",
            Self::Scheduling => "limits and priorities of other processes (seccomp)",
            Self::SharedMemory => "System V shared memory (user namespaces)",
            Self::LocalSockets => "local servers' sockets in the file system (user namespaces)",
        }
    }
}

/// Set of [`SandboxGap`]s.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SandboxGaps(u32);

impl SandboxGaps {
    /// Returns the set that [`Self::bits`] has encoded. Ignores unknown bits.
    #[must_use]
    pub fn from_bits(bits: u32) -> Self {
        Self(SandboxGap::ALL.iter().fold(0, |all, gap| all | (bits & *gap as u32)))
    }

    /// Encodes the set as a number.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Adds a gap.
    pub fn add(&mut self, gap: SandboxGap) {
        self.0 |= gap as u32;
    }

    /// Whether the set contains this gap.
    #[must_use]
    pub const fn has(self, gap: SandboxGap) -> bool {
        self.0 & gap as u32 != 0
    }

    /// Whether the sandbox has no gaps.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// Formats the gaps as the object of a sentence: "the sandbox does not protect …".
impl fmt::Display for SandboxGaps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let present = SandboxGap::ALL.iter().filter(|gap| self.has(**gap));
        for (index, gap) in present.enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{}", gap.words())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_gap_is_named_once() {
        let mut gaps = SandboxGaps::default();
        assert!(gaps.is_empty());
        gaps.add(SandboxGap::Network);
        gaps.add(SandboxGap::Network);
        gaps.add(SandboxGap::Devices);
        let kept = SandboxGaps::from_bits(gaps.bits() | 1 << 31);
        assert_eq!(kept.to_string(), "device nodes (Landlock), the network (user namespaces)");
        assert!(kept.has(SandboxGap::Devices) && !kept.has(SandboxGap::Files));
    }
}
