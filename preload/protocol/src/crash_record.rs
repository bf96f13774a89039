//! Record of a crash in a single run: the process that crashes appends it to a file, from its signal handler. Addresses
//! are those of the process; the mappings that follow them give each its file.

/// Maximum number of addresses on a stack.
pub const MAX_CALLS: usize = 64;

/// Maximum length of the mappings in a record, in bytes.
pub const MAX_MAPPINGS_BYTES: usize = 64 * 1024;

/// Begins a record.
const MAGIC: u64 = u64::from_le_bytes(*b"sockcras");

/// Number of words before the addresses.
const HEADER_WORDS: usize = 10;

const WORD_BYTES: usize = size_of::<u64>();

/// Kind of the access to memory that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrashAccess {
    /// The signal does not come from an access, or the machine does not tell.
    Unknown,
    /// A read, or the fetch of an instruction.
    Read,
    /// A write.
    Write,
}

/// State of a thread at a fatal signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrashRecord {
    /// Signal.
    pub signal: i32,
    /// Reason for it (sigaction(2), `si_code`).
    pub code: i32,
    /// Thread that got it.
    pub thread: i32,
    /// Address that the signal is about (`si_addr`); 0 for a signal that a process has sent.
    pub address: u64,
    /// Access that failed.
    pub access: CrashAccess,
    /// Instruction at which the signal arrived.
    pub instruction: u64,
    /// Stack pointer.
    pub stack_pointer: u64,
    /// Number of valid elements of `calls`.
    pub call_count: usize,
    /// Addresses to which the calls return that led to the instruction, the innermost first.
    pub calls: [u64; MAX_CALLS],
}

impl CrashRecord {
    /// Length of an encoded record, in bytes.
    pub const BYTES: usize = (HEADER_WORDS + MAX_CALLS) * WORD_BYTES;

    /// Returns the bytes of the record, after which `mappings` more bytes follow.
    #[must_use]
    pub fn encode(&self, mappings: usize) -> [u8; Self::BYTES] {
        let header: [u64; HEADER_WORDS] = [
            MAGIC,
            mappings as u64,
            u64::from(self.signal.cast_unsigned()),
            u64::from(self.code.cast_unsigned()),
            u64::from(self.thread.cast_unsigned()),
            self.address,
            self.access as u64,
            self.instruction,
            self.stack_pointer,
            self.call_count as u64,
        ];
        let mut bytes = [0; Self::BYTES];
        let words = header.iter().chain(&self.calls);
        for (place, word) in bytes.chunks_exact_mut(WORD_BYTES).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    /// Reads the first record in `bytes`, with its mappings (in the format of proc_pid_maps(5)). Returns it with the rest
    /// of the bytes; `None` if they do not begin with a whole record.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<(Self, &[u8], &[u8])> {
        let (record, rest) = bytes.split_at_checked(Self::BYTES)?;
        let mut words = record.as_chunks::<WORD_BYTES>().0.iter().map(|word| u64::from_le_bytes(*word));
        let mut next = || words.next().unwrap_or_default();
        if next() != MAGIC {
            return None;
        }
        let (mappings, rest) = rest.split_at_checked(usize::try_from(next()).ok()?)?;
        let record = Self {
            signal: next() as i32,
            code: next() as i32,
            thread: next() as i32,
            address: next(),
            access: match next() {
                1 => CrashAccess::Read,
                2 => CrashAccess::Write,
                _ => CrashAccess::Unknown,
            },
            instruction: next(),
            stack_pointer: next(),
            call_count: usize::try_from(next()).unwrap_or(MAX_CALLS).min(MAX_CALLS),
            calls: std::array::from_fn(|_| next()),
        };
        Some((record, mappings, rest))
    }

    /// Returns the addresses of the calls, the innermost first.
    #[must_use]
    pub fn calls(&self) -> &[u64] {
        &self.calls[..self.call_count.min(MAX_CALLS)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_follow_each_other() {
        let mut record = CrashRecord {
            signal: 11,
            code: -6,
            thread: 4711,
            address: 0x10,
            access: CrashAccess::Write,
            instruction: 0x5555_0000,
            stack_pointer: 0x7fff_0000,
            call_count: 1,
            calls: [0; MAX_CALLS],
        };
        record.calls[0] = 0x5555_1111;
        let first = [&record.encode(3)[..], b"map"].concat();
        let second = CrashRecord { signal: 6, access: CrashAccess::Unknown, ..record.clone() };
        let all = [first, second.encode(0).to_vec()].concat();
        let (decoded, mappings, rest) = CrashRecord::decode(&all).expect("a record");
        assert_eq!((decoded, mappings), (record, &b"map"[..]));
        assert_eq!(CrashRecord::decode(rest), Some((second, &b""[..], &b""[..])));
        assert_eq!(CrashRecord::decode(&all[1..]), None);
        assert_eq!(CrashRecord::decode(&all[..CrashRecord::BYTES]), None);
    }
}
