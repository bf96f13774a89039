//! Figures that `rsync --stats` prints.

use std::ops::AddAssign;

/// Amounts of a transfer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TransferStats {
    /// Files whose content was transferred.
    pub files: u64,
    /// Bytes sent by this machine, over the network.
    pub sent: u64,
    /// Bytes received by this machine, over the network.
    pub received: u64,
}

impl TransferStats {
    /// Reads the figures. Missing ones are 0.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let figure = |name: &str| {
            let value = text.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(':'))?;
            let digits: String = value.trim().chars().filter(|c| *c != ',').collect();
            digits.split(' ').next()?.parse().ok()
        };
        Self {
            files: figure("Number of regular files transferred").unwrap_or(0),
            sent: figure("Total bytes sent").unwrap_or(0),
            received: figure("Total bytes received").unwrap_or(0),
        }
    }
}

impl AddAssign for TransferStats {
    fn add_assign(&mut self, other: Self) {
        self.files += other.files;
        self.sent += other.sent;
        self.received += other.received;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_separators() {
        let text = "Number of files: 1,204 (reg: 1,203, dir: 1)\nNumber of regular files transferred: 1,203\n\
                    Total bytes sent: 23\nTotal bytes received: 1,234,567\n";
        assert_eq!(TransferStats::parse(text), TransferStats { files: 1203, sent: 23, received: 1_234_567 });
        assert_eq!(TransferStats::parse(""), TransferStats::default());
    }
}
