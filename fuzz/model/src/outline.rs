//! Outlines: the structure of a text as spans, in reusable vectors, without a tree or copies.

use crate::{Kind, Pipeline, Visit, Visitor};

/// Range of the text with the kind of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Kind of the content.
    pub kind: Kind,
    /// Offset of the first byte.
    pub start: u32,
    /// Offset after the last byte.
    pub end: u32,
    /// Index of the first later span that is not inside this one.
    pub after: u32,
}

impl Span {
    /// Returns the span as a range.
    #[must_use]
    #[inline]
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// Outline of a text: spans sorted by their start, each before the spans inside it.
#[derive(Debug, Default)]
pub struct Outline {
    spans: Vec<Span>,
    /// Indices of spans, sorted by kind.
    sorted: Vec<u32>,
    /// Index of the first entry of each kind in `sorted`.
    first: [u32; Kind::COUNT + 1],
    open: Vec<u32>,
    position: u32,
}

impl Outline {
    /// Removes all spans.
    pub fn clear(&mut self) {
        self.spans.clear();
        self.position = 0;
    }

    /// Appends the structure of the next piece of the text.
    pub fn add(&mut self, text: &[u8]) {
        Pipeline::parse(text).visit(self);
    }

    /// Sorts the spans by kind for [`of`](Self::of). Call it after the last [`add`](Self::add).
    pub fn finish(&mut self) {
        let mut count = [0; Kind::COUNT + 1];
        for span in &self.spans {
            count[span.kind as usize + 1] += 1;
        }
        for kind in 0..Kind::COUNT {
            count[kind + 1] += count[kind];
        }
        self.first = count;
        self.sorted.resize(self.spans.len(), 0);
        for (index, span) in self.spans.iter().enumerate() {
            let place = &mut count[span.kind as usize];
            self.sorted[*place as usize] = index as u32;
            *place += 1;
        }
    }

    /// Returns all spans.
    #[must_use]
    #[inline]
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// Returns the indices of all spans of this kind, in order.
    #[must_use]
    #[inline]
    pub fn of(&self, kind: Kind) -> &[u32] {
        let place = |kind: usize| self.first[kind] as usize;
        &self.sorted[place(kind as usize)..place(kind as usize + 1)]
    }

    /// Returns the spans inside the span at `index`.
    #[must_use]
    #[inline]
    pub fn inside(&self, index: usize) -> &[Span] {
        &self.spans[index + 1..self.spans[index].after as usize]
    }
}

impl Visitor for Outline {
    fn enter(&mut self, kind: Kind) {
        self.open.push(self.spans.len() as u32);
        self.spans.push(Span { kind, start: self.position, end: self.position, after: 0 });
    }

    fn leave(&mut self) {
        if let Some(index) = self.open.pop() {
            let after = self.spans.len() as u32;
            let span = &mut self.spans[index as usize];
            (span.end, span.after) = (self.position, after);
        }
    }

    fn bytes(&mut self, kind: Kind, bytes: &[u8]) {
        let start = self.position;
        self.position += bytes.len() as u32;
        let after = self.spans.len() as u32 + 1;
        self.spans.push(Span { kind, start, end: self.position, after });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_found_by_kind_and_by_place() {
        let text = b"GET /a HTTP/1.1\r\nHost: b\r\nC: d\r\n\r\nGET /e HTTP/1.1\r\n\r\n";
        let mut outline = Outline::default();
        for _ in 0..2 {
            outline.clear();
            outline.add(text);
            outline.finish();
        }
        let of = |kind| -> Vec<&[u8]> {
            outline.of(kind).iter().map(|index| &text[outline.spans()[*index as usize].range()]).collect()
        };
        assert_eq!(of(Kind::Path), [b"/a", b"/e"]);
        assert_eq!(of(Kind::Name), [&b"Host"[..], b"C"]);
        assert_eq!(of(Kind::Request).concat(), text);
        let second = outline.of(Kind::Request)[1] as usize;
        assert!(outline.inside(second).iter().all(|span| span.start >= outline.spans()[second].start));
        assert!(outline.inside(second).iter().any(|span| span.kind == Kind::Path));
    }
}
