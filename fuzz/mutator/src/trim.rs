//! Trimming: makes an input smaller without changing its coverage; removes whole elements first, bytes last.
//! AFL++ runs each proposal and reports whether the coverage stayed the same.

use sockfuzz_model::Kind;
use sockfuzz_protocol::InputFormat;

use crate::edits::{Edits, Region};
use crate::operations::{frames, records};
use crate::parsed_input::ParsedInput;

/// Kinds of spans to remove, in this order. Blocks of bytes come after them.
const SPAN_KINDS: &[Kind] = &[
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

/// Sizes of the blocks of bytes to remove.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BlockSizes {
    /// Number of the first, largest blocks.
    pub(crate) initial_count: usize,
    /// Number of the last, smallest blocks, unless they would be shorter than `min_length`.
    pub(crate) final_count: usize,
    /// Minimum length of a block.
    pub(crate) min_length: usize,
}

impl BlockSizes {
    /// Blocks down to this length.
    pub(crate) const fn down_to(min_length: usize, initial_count: usize) -> Self {
        Self { initial_count, final_count: usize::MAX, min_length }
    }

    /// Returns the length of the smallest blocks of an input.
    fn smallest(self, input_len: usize) -> usize {
        input_len.div_ceil(self.final_count).next_power_of_two().max(self.min_length)
    }
}

/// Stages of trimming, named after the elements that each removes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TrimStage {
    /// Frames of HTTP/2.
    Frames,
    /// Records of TLS.
    Records,
    /// Items of lists in TLS: messages, extensions, cipher suites.
    Items,
    /// Spans, by index of their kind in [`SPAN_KINDS`].
    Spans(usize),
    /// Markers of the session.
    Markers,
    /// Blocks of this many bytes.
    Blocks(usize),
    Done,
}

/// State of trimming one input.
#[derive(Debug)]
pub(crate) struct Trimmer {
    format: InputFormat,
    blocks: BlockSizes,
    /// The smallest input with the same coverage so far.
    best: ParsedInput,
    stage: TrimStage,
    /// Number of elements of the stage that are not tried yet. The last element is tried first.
    remaining: usize,
    edits: Edits,
    proposal: Vec<u8>,
}

impl Default for Trimmer {
    fn default() -> Self {
        Self {
            format: InputFormat::Raw,
            blocks: BlockSizes::down_to(1, 2),
            best: ParsedInput::default(),
            stage: TrimStage::Done,
            remaining: 0,
            edits: Edits::default(),
            proposal: Vec::new(),
        }
    }
}

impl Trimmer {
    /// Starts trimming an input. Returns false if there is nothing to try.
    pub(crate) fn begin(&mut self, bytes: &[u8], format: InputFormat, blocks: BlockSizes) -> bool {
        self.format = format;
        self.blocks = blocks;
        self.best.parse(bytes, format);
        self.enter(TrimStage::Frames);
        self.propose()
    }

    /// Returns the input to try next.
    pub(crate) fn proposal(&self) -> &[u8] {
        &self.proposal
    }

    /// Continues after the last proposal. Returns false if there is no other proposal.
    pub(crate) fn proceed(&mut self, same: bool) -> bool {
        if same {
            let proposal = std::mem::take(&mut self.proposal);
            self.best.parse(&proposal, self.format);
            self.proposal = proposal;
            // The smaller input can have fewer elements.
            self.remaining = self.remaining.min(self.count());
        }
        self.propose()
    }

    fn enter(&mut self, stage: TrimStage) {
        self.stage = stage;
        self.remaining = self.count();
    }

    /// Returns the number of elements to remove in this stage.
    fn count(&self) -> usize {
        match self.stage {
            TrimStage::Frames => frames::ranges(&self.best).len(),
            TrimStage::Records => records::ranges(&self.best).len(),
            TrimStage::Items => records::item_count(&self.best),
            TrimStage::Spans(kind) => self.best.outline.of(SPAN_KINDS[kind]).len(),
            TrimStage::Markers => self.best.markers.len(),
            TrimStage::Blocks(size) => self.best.bytes.len().div_ceil(size),
            TrimStage::Done => 0,
        }
    }

    fn next_stage(&self) -> TrimStage {
        let smallest = self.blocks.smallest(self.best.bytes.len());
        let block = |size: usize| match size {
            0 => TrimStage::Done,
            size => TrimStage::Blocks(size),
        };
        match self.stage {
            TrimStage::Frames => TrimStage::Records,
            TrimStage::Records => TrimStage::Items,
            TrimStage::Items => TrimStage::Spans(0),
            TrimStage::Spans(kind) if kind + 1 < SPAN_KINDS.len() => TrimStage::Spans(kind + 1),
            TrimStage::Spans(_) => TrimStage::Markers,
            TrimStage::Markers => {
                let largest = self.best.bytes.len().div_ceil(self.blocks.initial_count).next_power_of_two();
                block(largest.max(smallest))
            }
            TrimStage::Blocks(size) if size > smallest => block((size / 2).max(smallest)),
            TrimStage::Blocks(_) | TrimStage::Done => TrimStage::Done,
        }
    }

    /// Builds the next proposal that is smaller than the best input and not empty.
    fn propose(&mut self) -> bool {
        while self.stage != TrimStage::Done {
            if self.remaining == 0 {
                self.enter(self.next_stage());
                continue;
            }
            self.remaining -= 1;
            self.build_proposal();
            if !self.proposal.is_empty() && self.proposal.len() < self.best.len() {
                return true;
            }
        }
        false
    }

    fn build_proposal(&mut self) {
        self.edits.clear();
        match self.stage {
            TrimStage::Frames | TrimStage::Records => {
                let is_frame = self.stage == TrimStage::Frames;
                let ranges = if is_frame { frames::ranges(&self.best) } else { records::ranges(&self.best) };
                self.edits.replace(ranges[self.remaining].clone(), b"", Region::Elsewhere);
            }
            TrimStage::Items => {
                if let Some((range, bytes)) = records::without_item(&self.best, self.remaining) {
                    self.edits.replace(range, &bytes, Region::Elsewhere);
                }
            }
            TrimStage::Spans(kind) => {
                let index = self.best.outline.of(SPAN_KINDS[kind])[self.remaining];
                let span = self.best.outline.spans()[index as usize];
                let in_body = matches!(span.kind, Kind::Part | Kind::Chunk | Kind::Content | Kind::Data);
                let region = if in_body { Region::Body } else { Region::Elsewhere };
                self.edits.replace(span.range(), b"", region);
            }
            TrimStage::Markers => drop(self.edits.remove_marker(self.remaining)),
            TrimStage::Blocks(size) => {
                let start = self.remaining * size;
                let end = (start + size).min(self.best.bytes.len());
                let in_body = |kind| {
                    let spans = self.best.outline.of(kind).iter();
                    spans
                        .map(|index| self.best.outline.spans()[*index as usize].range())
                        .any(|span| span.start <= start && end <= span.end)
                };
                let region = if in_body(Kind::Content) || in_body(Kind::Data) {
                    Region::Body
                } else {
                    Region::Elsewhere
                };
                self.edits.replace(start..end, b"", region);
            }
            TrimStage::Done => {}
        }
        self.edits.repair_lengths(&self.best);
        self.edits.apply(&self.best, &self.best, self.format, usize::MAX, &mut self.proposal);
    }
}

/// Returns a smaller input that still `holds`: without elements of requests that it does not need, then without blocks of
/// bytes, down to single ones. Once `is_over`, returns the smallest input so far.
///
/// # Errors
/// Those of `holds`.
pub fn minimize<E>(
    input: &[u8],
    format: InputFormat,
    mut holds: impl FnMut(&[u8]) -> Result<bool, E>,
    mut is_over: impl FnMut() -> bool,
) -> Result<Vec<u8>, E> {
    let mut trimmer = Trimmer::default();
    let mut has_proposal = trimmer.begin(input, format, BlockSizes::down_to(1, 16));
    while has_proposal && !is_over() {
        let same = holds(trimmer.proposal())?;
        has_proposal = trimmer.proceed(same);
    }
    Ok(trimmer.best.bytes.clone())
}

#[cfg(test)]
mod tests;
