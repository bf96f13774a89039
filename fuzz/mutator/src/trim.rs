//! Making an input smaller without changing what it reaches: whole things first, bytes last. AFL++
//! runs each proposal and says whether it did the same.

use sockfuzz_model::Kind;
use sockfuzz_protocol::InputFormat;

use crate::edits::{Edits, Place};
use crate::operations::frames;
use crate::parsed_input::ParsedInput;

/// What is tried to leave out, in this order; after that, blocks of bytes.
const KINDS: &[Kind] = &[
    Kind::Request,
    Kind::Opaque,
    Kind::Body,
    Kind::Part,
    Kind::Chunk,
    Kind::Field,
    Kind::Query,
    Kind::Extension,
    Kind::Blank,
    Kind::Value,
    Kind::Content,
    Kind::Data,
];

/// How small the last blocks are, and into how many the first ones divide an input.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Blocks {
    pub(crate) smallest: usize,
    pub(crate) first: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Frames,
    Things(usize),
    Markers,
    Bytes(usize),
    Over,
}

/// What is being trimmed.
#[derive(Debug)]
pub(crate) struct Trimmer {
    input: InputFormat,
    blocks: Blocks,
    /// The smallest that does the same so far.
    best: ParsedInput,
    stage: Stage,
    /// Things are tried from the last to the first: so many are left.
    left: usize,
    edits: Edits,
    proposal: Vec<u8>,
}

impl Default for Trimmer {
    fn default() -> Self {
        Self {
            input: InputFormat::Raw,
            blocks: Blocks { smallest: 4, first: 16 },
            best: ParsedInput::default(),
            stage: Stage::Over,
            left: 0,
            edits: Edits::default(),
            proposal: Vec::new(),
        }
    }
}

impl Trimmer {
    /// Begins with an input. Whether there is anything to try.
    pub(crate) fn begin(&mut self, bytes: &[u8], input: InputFormat, blocks: Blocks) -> bool {
        self.input = input;
        self.blocks = blocks;
        self.best.parse(bytes, input);
        self.enter(Stage::Frames);
        self.propose()
    }

    /// What to try next.
    pub(crate) fn proposal(&self) -> &[u8] {
        &self.proposal
    }

    /// Goes on. Whether there is more to try.
    pub(crate) fn proceed(&mut self, same: bool) -> bool {
        if same {
            let proposal = std::mem::take(&mut self.proposal);
            self.best.parse(&proposal, self.input);
            self.proposal = proposal;
            // There may be fewer of them now.
            self.left = self.left.min(self.count());
        }
        self.propose()
    }

    fn enter(&mut self, stage: Stage) {
        self.stage = stage;
        self.left = self.count();
    }

    /// How many things there are to leave out in this stage.
    fn count(&self) -> usize {
        match self.stage {
            Stage::Frames => frames::ranges(&self.best).len(),
            Stage::Things(kind) => self.best.outline.of(KINDS[kind]).len(),
            Stage::Markers => self.best.markers.len(),
            Stage::Bytes(size) => self.best.bytes.len().div_ceil(size),
            Stage::Over => 0,
        }
    }

    fn next_stage(&self) -> Stage {
        let block = |size: usize| match size {
            0 => Stage::Over,
            size => Stage::Bytes(size),
        };
        match self.stage {
            Stage::Frames => Stage::Things(0),
            Stage::Things(kind) if kind + 1 < KINDS.len() => Stage::Things(kind + 1),
            Stage::Things(_) => Stage::Markers,
            Stage::Markers => {
                let largest = self.best.bytes.len().div_ceil(self.blocks.first).next_power_of_two();
                block(largest.max(self.blocks.smallest))
            }
            Stage::Bytes(size) if size > self.blocks.smallest => block((size / 2).max(self.blocks.smallest)),
            Stage::Bytes(_) | Stage::Over => Stage::Over,
        }
    }

    /// Prepares the next proposal that is one: smaller, and not empty.
    fn propose(&mut self) -> bool {
        while self.stage != Stage::Over {
            if self.left == 0 {
                self.enter(self.next_stage());
                continue;
            }
            self.left -= 1;
            self.leave_out();
            if !self.proposal.is_empty() && self.proposal.len() < self.best.len() {
                return true;
            }
        }
        false
    }

    fn leave_out(&mut self) {
        self.edits.clear();
        match self.stage {
            Stage::Frames => {
                let range = frames::ranges(&self.best)[self.left].clone();
                self.edits.put(range, b"", Place::Elsewhere);
            }
            Stage::Things(kind) => {
                let index = self.best.outline.of(KINDS[kind])[self.left];
                let span = self.best.outline.spans()[index as usize];
                let in_body = matches!(span.kind, Kind::Part | Kind::Chunk | Kind::Content | Kind::Data);
                let place = if in_body { Place::Body } else { Place::Elsewhere };
                self.edits.put(span.range(), b"", place);
            }
            Stage::Markers => drop(self.edits.remove_marker(self.left)),
            Stage::Bytes(size) => {
                let start = self.left * size;
                let end = (start + size).min(self.best.bytes.len());
                let in_body = |kind| {
                    let spans = self.best.outline.of(kind).iter();
                    spans
                        .map(|index| self.best.outline.spans()[*index as usize].range())
                        .any(|span| span.start <= start && end <= span.end)
                };
                let place = if in_body(Kind::Content) || in_body(Kind::Data) {
                    Place::Body
                } else {
                    Place::Elsewhere
                };
                self.edits.put(start..end, b"", place);
            }
            Stage::Over => {}
        }
        self.edits.repair(&self.best);
        self.edits.apply(&self.best, &self.best, self.input, usize::MAX, &mut self.proposal);
    }
}

#[cfg(test)]
mod tests {
    use sockfuzz_model::http2::{self, Connection, kind};

    use super::*;

    #[test]
    fn of_http2_whole_frames_are_left_out() {
        let (_, seed) = http2::seeds().into_iter().find(|(name, _)| *name == "reset-rapid").expect("a seed");
        let resets = |bytes: &[u8]| {
            let connection = Connection::parse(bytes);
            let frames = connection.frames.iter();
            let count =
                frames.filter(|frame| frame.kind == kind::RST_STREAM && frame.payload.len() == 4).count();
            connection.preface && connection.rest.is_empty() && count >= 2
        };
        let smallest = trimmed(&seed, InputFormat::Raw, 1, resets);
        assert_eq!(Connection::parse(&smallest).frames.len(), 2);
    }

    /// Trims as long as the input `does` what it should.
    fn trimmed(bytes: &[u8], input: InputFormat, smallest: usize, does: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        let mut trimmer = Trimmer::default();
        let mut best = bytes.to_vec();
        let mut more = trimmer.begin(bytes, input, Blocks { smallest, first: 2 });
        for _ in 0..10_000 {
            if !more {
                return best;
            }
            let proposal = trimmer.proposal().to_vec();
            assert!(!proposal.is_empty() && proposal.len() < best.len());
            let same = does(&proposal);
            if same {
                best = proposal;
            }
            more = trimmer.proceed(same);
        }
        panic!("it does not end");
    }

    fn contains(bytes: &[u8], word: &[u8]) -> bool {
        memchr::memmem::find(bytes, word).is_some()
    }

    #[test]
    fn what_does_not_count_goes() {
        let text = b"GET /a HTTP/1.1\r\nHost: b\r\nX: y\r\n\r\nPOST /c HTTP/1.1\r\nHost: needle\r\n\r\n";
        assert_eq!(trimmed(text, InputFormat::Raw, 1, |bytes| contains(bytes, b"needle")), b"needle");
        let kept = trimmed(text, InputFormat::Raw, 4, |bytes| contains(bytes, b"POST /c HTTP/1.1\r\n"));
        assert!(kept.len() < 30, "{}", String::from_utf8_lossy(&kept));
    }

    #[test]
    fn markers_go_where_they_make_no_difference() {
        let session = b"GET /\xf5\x40a HTTP/1.1\r\n\xf5\x49\r\n\xf5\x41needle";
        assert_eq!(trimmed(session, InputFormat::Session, 1, |bytes| contains(bytes, b"needle")), b"needle");
        let kept = trimmed(session, InputFormat::Session, 1, |bytes| contains(bytes, b"\xf5\x41needle"));
        assert_eq!(kept, b"\xf5\x41needle");
    }

    #[test]
    fn lengths_stay_right() {
        let text = b"POST / HTTP/1.1\r\nContent-Length: 20\r\n\r\n01234567890123456789";
        let is_right = |bytes: &[u8]| {
            let Some(head) = memchr::memmem::find(bytes, b"\r\n\r\n") else { return false };
            let length = format!("Content-Length: {}\r\n", bytes.len() - head - 4);
            contains(bytes, length.as_bytes()) && contains(bytes, b"0")
        };
        assert!(is_right(text));
        let kept = trimmed(text, InputFormat::Raw, 1, is_right);
        assert!(kept.len() < 30, "{}", String::from_utf8_lossy(&kept));
    }
}
