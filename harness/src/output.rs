//! Queue of bytes to be written.

use std::collections::VecDeque;
use std::io::IoSlice;

/// Maximum number of segments per write; far below the kernel's limit of 1024 (`writev(2)`).
const MAX_SLICES: usize = 16;

/// Queue of segments, written from the front.
#[derive(Debug, Default)]
pub struct Output {
    segments: VecDeque<Vec<u8>>,
    /// Number of bytes of the first segment that have been written.
    written: usize,
    len: usize,
}

impl Output {
    /// Appends a segment.
    pub fn push(&mut self, segment: Vec<u8>) {
        if !segment.is_empty() {
            self.len += segment.len();
            self.segments.push_back(segment);
        }
    }

    /// Returns the number of waiting bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether everything has been written.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the rest of the first segment.
    pub fn front(&self) -> &[u8] {
        self.segments.front().map_or(&[], |first| &first[self.written..])
    }

    /// Returns the segments to be written next, for a vectored write.
    pub fn slices(&self) -> Vec<IoSlice<'_>> {
        let rest = self.segments.iter().skip(1).take(MAX_SLICES - 1);
        std::iter::once(self.front()).chain(rest.map(Vec::as_slice)).map(IoSlice::new).collect()
    }

    /// Removes the first `count` bytes, or all bytes if there are fewer.
    pub fn consume(&mut self, count: usize) {
        let mut count = count.min(self.len);
        self.len -= count;
        while count > 0 {
            let front = self.front().len();
            if count < front {
                self.written += count;
                return;
            }
            count -= front;
            self.written = 0;
            self.segments.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partial_writes_preserve_the_order() {
        for portion in 1..=7 {
            let mut output = Output::default();
            for segment in ["abc", "", "d", "ef"] {
                output.push(segment.into());
            }
            let mut written: Vec<u8> = Vec::new();
            while !output.is_empty() {
                let offered: Vec<u8> = output.slices().iter().flat_map(|s| s.to_vec()).collect();
                assert_eq!(offered.len(), output.len());
                written.extend(offered.iter().take(portion));
                output.consume(portion);
            }
            assert_eq!(written, b"abcdef");
            assert_eq!(output.front(), b"");
        }
    }
}
