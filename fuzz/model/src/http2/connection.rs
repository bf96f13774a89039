//! Client's side of an HTTP/2 connection.

use super::frame::Frame;
use super::kind;

/// Connection preface (RFC 9113, section 3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A client's side of an HTTP/2 connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Connection<'a> {
    /// Whether the bytes begin with the preface.
    pub preface: bool,
    /// The frames.
    pub frames: Vec<Frame<'a>>,
    /// Bytes at the end, too few for the header of a frame.
    pub rest: &'a [u8],
}

impl<'a> Connection<'a> {
    /// Whether an input begins with the preface.
    #[must_use]
    pub fn recognises(input: &[u8]) -> bool {
        input.starts_with(PREFACE)
    }

    /// Parses any bytes without loss.
    #[must_use]
    pub fn parse(input: &'a [u8]) -> Self {
        let preface = Self::recognises(input);
        let mut rest = if preface { &input[PREFACE.len()..] } else { input };
        let mut frames = Vec::with_capacity(16);
        while let Some(frame) = Frame::parse(&mut rest) {
            frames.push(frame);
        }
        Self { preface, frames, rest }
    }

    /// Appends the connection's bytes, which equal the input of [`parse`](Self::parse) if nothing was changed.
    pub fn serialise_into(&self, bytes: &mut Vec<u8>) {
        if self.preface {
            bytes.extend_from_slice(PREFACE);
        }
        for frame in &self.frames {
            frame.serialise_into(bytes);
        }
        bytes.extend_from_slice(self.rest);
    }

    /// Returns the connection's bytes.
    #[must_use]
    pub fn serialise(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.serialise_into(&mut bytes);
        bytes
    }

    /// Returns the number of frames that carry the header block which begins at `first`.
    #[must_use]
    pub fn block_frames(&self, first: usize) -> usize {
        let Some((head, rest)) = self.frames.get(first..).and_then(<[_]>::split_first) else {
            return 0;
        };
        let continues = |frame: &&Frame| frame.kind == kind::CONTINUATION && frame.stream == head.stream;
        1 + rest.iter().take_while(continues).count()
    }

    /// Returns the header block that begins in the frame at `first`, continuations included.
    #[must_use]
    pub fn block(&self, first: usize) -> Vec<u8> {
        let count = self.block_frames(first);
        self.frames.iter().skip(first).take(count).flat_map(Frame::content).copied().collect()
    }

    /// Replaces the header block, split at the same lengths as the old block.
    pub fn set_block(&mut self, first: usize, block: &[u8]) {
        let count = self.block_frames(first);
        let mut left = block;
        for (number, frame) in self.frames[first..first + count].iter_mut().enumerate() {
            let len = if number + 1 == count { left.len() } else { frame.content().len().min(left.len()) };
            let (part, rest) = left.split_at(len);
            frame.set_content(part);
            left = rest;
        }
    }
}
