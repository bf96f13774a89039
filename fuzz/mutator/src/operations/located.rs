//! Documents where they stand in an input.

use std::ops::Range;

use sockfuzz_model::{DocumentKind, DocumentOutline, GraphqlKind, JsonKind, XmlKind};

use super::places::content;
use crate::document::Format;
use crate::parsed_input::ParsedInput;
use crate::random::Random;

/// Largest number of bytes that repeated nesting adds.
const MAX_NESTING_BYTES: usize = 48 * 1024;

/// Kind of the elements of a format.
pub(super) trait FormatKind: DocumentKind {
    const FORMAT: Format;
}

impl FormatKind for JsonKind {
    const FORMAT: Format = Format::Json;
}

impl FormatKind for XmlKind {
    const FORMAT: Format = Format::Xml;
}

impl FormatKind for GraphqlKind {
    const FORMAT: Format = Format::Graphql;
}

/// Document in an input.
pub(super) struct Located<K> {
    /// Position of the text in the input.
    at: usize,
    pub(super) outline: DocumentOutline<K>,
}

impl<K: FormatKind> Located<K> {
    /// Returns a random body, if it is in this format.
    pub(super) fn random(random: &mut Random, input: &ParsedInput) -> Option<Self> {
        let range = content(random, input)?;
        let text = &input.bytes[range.clone()];
        (Format::of(text) == K::FORMAT).then(|| Self::parse(range.start, text))
    }

    /// Parses a text that stands at a position.
    pub(super) fn parse(at: usize, text: &[u8]) -> Self {
        Self { at, outline: DocumentOutline::parse(text) }
    }

    /// Returns the index of a random element that `is` of a kind.
    pub(super) fn pick(&self, random: &mut Random, is: impl Fn(K) -> bool) -> Option<usize> {
        self.pick_among(random, 0..self.outline.spans().len(), is)
    }

    /// Returns the index of a random one among some elements that `is` of a kind.
    pub(super) fn pick_among(
        &self,
        random: &mut Random,
        indices: Range<usize>,
        is: impl Fn(K) -> bool,
    ) -> Option<usize> {
        random.pick(&indices.filter(|index| is(self.kind(*index))).collect::<Vec<_>>())
    }

    pub(super) fn kind(&self, index: usize) -> K {
        self.outline.spans()[index].kind
    }

    /// Returns the indices of the elements that enclose one, from the outermost.
    pub(super) fn enclosing(&self, index: usize) -> impl Iterator<Item = usize> {
        let spans = self.outline.spans();
        (0..index).filter(move |of| spans[*of].range().end >= spans[index].range().end)
    }

    /// Returns the range of an element in the input.
    pub(super) fn range(&self, index: usize) -> Range<usize> {
        self.place(self.outline.spans()[index].range())
    }

    /// Returns a range of the text in the input.
    pub(super) fn place(&self, range: Range<usize>) -> Range<usize> {
        self.at + range.start..self.at + range.end
    }
}

/// Returns a random number of levels of nesting, mostly small, for levels of this length.
pub(super) fn nesting_levels(random: &mut Random, level_bytes: usize) -> usize {
    let magnitude = if random.one_in(4) { 14 } else { 5 };
    (1 << random.below(magnitude)).min(MAX_NESTING_BYTES / level_bytes.max(1))
}
