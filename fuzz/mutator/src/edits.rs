//! A mutation is a short list of edits of the parent. They do not overlap, so that all of them speak
//! of places in the parent, in whatever order they were made; they are carried out in one pass.

use std::io::Write;
use std::ops::Range;

use sockfuzz_model::Kind;
use sockfuzz_protocol::InputFormat;
use sockfuzz_protocol::session::{self, Marker};

use crate::parsed_input::{ParsedInput, PlacedMarker};

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
    Marker(Marker),
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
    /// Indices of the parent's markers to remove.
    removed_markers: Vec<usize>,
}

impl Edits {
    pub(crate) fn clear(&mut self) {
        self.list.clear();
        self.scratch.clear();
        self.removed_markers.clear();
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

    /// Inserts a marker.
    pub(crate) fn insert_marker(&mut self, at: usize, marker: Marker) -> bool {
        self.push(at..at, Source::Marker(marker), Place::Elsewhere)
    }

    /// Removes the parent's marker with this index. False if it is removed already.
    pub(crate) fn remove_marker(&mut self, index: usize) -> bool {
        let is_new = !self.removed_markers.contains(&index);
        if is_new {
            self.removed_markers.push(index);
        }
        is_new
    }

    /// Adjusts lengths to what has been done to what they measure.
    pub(crate) fn repair(&mut self, parent: &ParsedInput) {
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

    /// Applies all edits and truncates the result to `max_length` bytes.
    pub(crate) fn apply(
        &mut self,
        parent: &ParsedInput,
        other: &ParsedInput,
        format: InputFormat,
        max_length: usize,
        output: &mut Vec<u8>,
    ) {
        // Stable: what is put in one place stays in the order in which it was put there.
        self.list.sort_by_key(|edit| edit.range.start);
        output.clear();
        let mut writer = OutputWriter {
            output,
            format,
            markers: &parent.markers,
            removed: &self.removed_markers,
            next: 0,
        };
        let mut position = 0;
        for edit in &self.list {
            writer.keep(parent, position..edit.range.start);
            position = position.max(edit.range.end);
            if !edit.range.is_empty() {
                writer.markers_up_to(edit.range.start);
                writer.skip_markers_before(edit.range.end);
            }
            match &edit.source {
                Source::Scratch(range) => writer.bytes(&self.scratch[range.clone()]),
                Source::Parent(range) => writer.bytes(&parent.bytes[range.clone()]),
                Source::Other(range) => writer.bytes(&other.bytes[range.clone()]),
                Source::Marker(marker) => writer.marker(*marker),
            }
        }
        writer.keep(parent, position..parent.bytes.len());
        writer.markers_up_to(parent.bytes.len());
        output.truncate(max_length);
    }
}

/// Writer of a mutation's bytes: encodes markers and escapes in sessions.
struct OutputWriter<'a> {
    output: &'a mut Vec<u8>,
    format: InputFormat,
    markers: &'a [PlacedMarker],
    /// Indices of markers that are not written.
    removed: &'a [usize],
    /// Index of the next marker.
    next: usize,
}

impl OutputWriter<'_> {
    /// Writes unchanged bytes of the parent and the markers among them. The caller writes those at the
    /// very end later: bytes inserted there come before them.
    fn keep(&mut self, parent: &ParsedInput, range: Range<usize>) {
        let mut from = range.start;
        while let Some(marker) = self.markers.get(self.next).filter(|marker| marker.at < range.end) {
            if marker.at > from {
                self.bytes(&parent.bytes[from..marker.at]);
                from = marker.at;
            }
            self.next_marker();
        }
        if from < range.end {
            self.bytes(&parent.bytes[from..range.end]);
        }
    }

    fn markers_up_to(&mut self, end: usize) {
        while self.markers.get(self.next).is_some_and(|marker| marker.at <= end) {
            self.next_marker();
        }
    }

    fn skip_markers_before(&mut self, end: usize) {
        while self.markers.get(self.next).is_some_and(|marker| marker.at < end) {
            self.next += 1;
        }
    }

    fn next_marker(&mut self) {
        if !self.removed.contains(&self.next) {
            self.marker(self.markers[self.next].marker);
        }
        self.next += 1;
    }

    fn marker(&mut self, marker: Marker) {
        if self.format == InputFormat::Session {
            self.output.extend(marker.encode());
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        match self.format {
            InputFormat::Raw => self.output.extend_from_slice(bytes),
            InputFormat::Session => session::escape_into(bytes, self.output),
        }
    }
}

#[cfg(test)]
mod tests;
