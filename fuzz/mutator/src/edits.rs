//! A mutation is a short list of edits of the parent. They do not overlap, so that all of them speak
//! of places in the parent, in whatever order they were made; they are carried out in one pass.

use std::io::Write;
use std::ops::Range;

use sockfuzz_model::Kind;
use sockfuzz_protocol::InputFormat;

use crate::text::{Cut, MARK, Operation, Text};

/// Where new bytes come from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    /// They were made up.
    Scratch(Range<usize>),
    /// They stand elsewhere in the parent.
    Parent(Range<usize>),
    /// They are of another input.
    Other(Range<usize>),
    /// None: a marker.
    Marker(Operation),
}

impl Source {
    fn len(&self) -> usize {
        match self {
            Self::Scratch(range) | Self::Parent(range) | Self::Other(range) => range.len(),
            Self::Marker(_) => 0,
        }
    }
}

/// Whether lengths count an edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// It is in a body.
    Body,
    /// It is not, though it may be next to one.
    Elsewhere,
}

#[derive(Debug)]
struct Edit {
    range: Range<usize>,
    source: Source,
    place: Place,
}

/// The edits of one mutation.
#[derive(Debug, Default)]
pub(crate) struct Edits {
    list: Vec<Edit>,
    scratch: Vec<u8>,
    /// Indices of the parent's markers that go.
    dropped: Vec<usize>,
}

impl Edits {
    pub(crate) fn clear(&mut self) {
        self.list.clear();
        self.scratch.clear();
        self.dropped.clear();
    }

    fn push(&mut self, range: Range<usize>, source: Source, place: Place) -> bool {
        let collides = |edit: &Edit| edit.range.start < range.end && range.start < edit.range.end;
        let changes = !range.is_empty() || source.len() > 0 || matches!(source, Source::Marker(_));
        if !changes || self.list.iter().any(collides) {
            return false;
        }
        self.list.push(Edit { range, source, place });
        true
    }

    /// Replaces a range by bytes.
    pub(crate) fn put(&mut self, range: Range<usize>, bytes: &[u8], place: Place) -> bool {
        self.write(range, place, |scratch| scratch.extend_from_slice(bytes))
    }

    /// Replaces a range by what `write` writes.
    pub(crate) fn write(
        &mut self,
        range: Range<usize>,
        place: Place,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> bool {
        let start = self.scratch.len();
        write(&mut self.scratch);
        self.push(range, Source::Scratch(start..self.scratch.len()), place)
    }

    /// Replaces a range by another of the parent.
    pub(crate) fn copy(&mut self, range: Range<usize>, from: Range<usize>, place: Place) -> bool {
        self.push(range, Source::Parent(from), place)
    }

    /// Replaces a range by one of the other input.
    pub(crate) fn borrow(&mut self, range: Range<usize>, from: Range<usize>, place: Place) -> bool {
        self.push(range, Source::Other(from), place)
    }

    /// Puts a marker somewhere.
    pub(crate) fn mark(&mut self, at: usize, operation: Operation) -> bool {
        self.push(at..at, Source::Marker(operation), Place::Elsewhere)
    }

    /// Drops the parent's marker with this index.
    pub(crate) fn drop_cut(&mut self, index: usize) -> bool {
        let is_new = !self.dropped.contains(&index);
        if is_new {
            self.dropped.push(index);
        }
        is_new
    }

    /// Adjusts lengths to what has been done to what they measure.
    pub(crate) fn repair(&mut self, parent: &Text) {
        if self.list.iter().all(|edit| edit.place == Place::Elsewhere) {
            return;
        }
        let outline = &parent.outline;
        for &index in outline.of(Kind::Request) {
            let inside = outline.inside(index as usize);
            let body = inside.iter().find(|span| span.kind == Kind::Body);
            let Some(new) = body.and_then(|body| self.new_length(&body.range())) else { continue };
            for field in inside.windows(3) {
                let [name, colon, value] = field else { continue };
                let is_field = (name.kind, colon.kind, value.kind) == (Kind::Name, Kind::Colon, Kind::Value);
                if is_field && parent.bytes[name.range()].eq_ignore_ascii_case(b"Content-Length") {
                    self.write(value.range(), Place::Elsewhere, |scratch| drop(write!(scratch, "{new}")));
                }
            }
        }
        for &index in outline.of(Kind::Chunk) {
            let inside = outline.inside(index as usize);
            let find = |kind| inside.iter().find(|span| span.kind == kind).map(|span| span.range());
            if let (Some(size), Some(data)) = (find(Kind::Size), find(Kind::Data))
                && let Some(new) = self.new_length(&data)
            {
                self.write(size, Place::Elsewhere, |scratch| drop(write!(scratch, "{new:x}")));
            }
        }
    }

    /// How long a stretch of a body becomes, if it does not stay as it is.
    fn new_length(&self, old: &Range<usize>) -> Option<usize> {
        let inside = |edit: &&Edit| {
            edit.place == Place::Body && old.start <= edit.range.start && edit.range.end <= old.end
        };
        let mut edits = self.list.iter().filter(inside).peekable();
        edits.peek()?;
        let (gone, new) =
            edits.fold((0, 0), |(gone, new), edit| (gone + edit.range.len(), new + edit.source.len()));
        Some(old.len() + new - gone)
    }

    /// Carries everything out. What goes past `most` bytes is cut off.
    pub(crate) fn apply(
        &mut self,
        parent: &Text,
        other: &Text,
        kind: InputFormat,
        most: usize,
        output: &mut Vec<u8>,
    ) {
        // Stable: what is put in one place stays in the order in which it was put there.
        self.list.sort_by_key(|edit| edit.range.start);
        output.clear();
        let mut writer = Writer { output, kind, cuts: &parent.cuts, dropped: &self.dropped, next: 0 };
        let mut position = 0;
        for edit in &self.list {
            writer.keep(parent, position..edit.range.start);
            position = position.max(edit.range.end);
            if !edit.range.is_empty() {
                writer.cuts_up_to(edit.range.start);
                writer.skip_cuts_before(edit.range.end);
            }
            match &edit.source {
                Source::Scratch(range) => writer.bytes(&self.scratch[range.clone()]),
                Source::Parent(range) => writer.bytes(&parent.bytes[range.clone()]),
                Source::Other(range) => writer.bytes(&other.bytes[range.clone()]),
                Source::Marker(operation) => writer.marker(*operation),
            }
        }
        writer.keep(parent, position..parent.bytes.len());
        writer.cuts_up_to(parent.bytes.len());
        output.truncate(most);
    }
}

struct Writer<'a> {
    output: &'a mut Vec<u8>,
    kind: InputFormat,
    cuts: &'a [Cut],
    dropped: &'a [usize],
    /// Index of the next of the cuts.
    next: usize,
}

impl Writer<'_> {
    /// Bytes of the parent that stay, with the markers among them. Those at the very end come later:
    /// what is put in their place comes before them.
    fn keep(&mut self, parent: &Text, range: Range<usize>) {
        let mut from = range.start;
        while let Some(cut) = self.cuts.get(self.next).filter(|cut| cut.at < range.end) {
            if cut.at > from {
                self.bytes(&parent.bytes[from..cut.at]);
                from = cut.at;
            }
            self.next_cut();
        }
        if from < range.end {
            self.bytes(&parent.bytes[from..range.end]);
        }
    }

    fn cuts_up_to(&mut self, end: usize) {
        while self.cuts.get(self.next).is_some_and(|cut| cut.at <= end) {
            self.next_cut();
        }
    }

    fn skip_cuts_before(&mut self, end: usize) {
        while self.cuts.get(self.next).is_some_and(|cut| cut.at < end) {
            self.next += 1;
        }
    }

    fn next_cut(&mut self) {
        if !self.dropped.contains(&self.next) {
            self.marker(self.cuts[self.next].operation);
        }
        self.next += 1;
    }

    fn marker(&mut self, operation: Operation) {
        if self.kind == InputFormat::Session {
            self.output.extend(operation.marker());
        }
    }

    fn bytes(&mut self, mut bytes: &[u8]) {
        if self.kind == InputFormat::Session {
            while let Some(at) = memchr::memchr(MARK, bytes) {
                self.output.extend_from_slice(&bytes[..=at]);
                self.output.push(MARK);
                bytes = &bytes[at + 1..];
            }
        }
        self.output.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests;
