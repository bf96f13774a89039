//! Outlines of documents in bodies: the elements of a text in a language, valid or not, as spans. Like an
//! [`Outline`](crate::Outline), without a tree or copies.

use std::ops::Range;

/// Element of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DocumentSpan<K> {
    /// Kind of the element.
    pub kind: K,
    start: u32,
    end: u32,
}

impl<K: Copy> DocumentSpan<K> {
    /// Returns the range of the element in the text.
    #[must_use]
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// Kind of an element, in a language whose texts can be read. What is not valid belongs to no element, or to one that extends to
/// the end of the text.
pub trait DocumentKind: Copy + Eq {
    /// Finds the elements of any text, sorted by their start, each before the elements inside it.
    fn elements(text: &[u8]) -> Vec<DocumentSpan<Self>>;
}

/// Elements of a document, sorted by their start, each before the elements inside it.
#[derive(Debug)]
pub struct DocumentOutline<K>(Vec<DocumentSpan<K>>);

impl<K: DocumentKind> DocumentOutline<K> {
    /// Finds the elements of any text.
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        Self(K::elements(text))
    }

    /// Returns all elements.
    #[must_use]
    pub fn spans(&self) -> &[DocumentSpan<K>] {
        &self.0
    }

    /// Returns the indices of the elements inside the one at `index`, at any depth.
    ///
    /// # Panics
    /// If there is no element at `index`.
    #[must_use]
    pub fn inside(&self, index: usize) -> Range<usize> {
        let end = self.0[index].end;
        let count = self.0[index + 1..].iter().take_while(|span| span.start < end).count();
        index + 1..index + 1 + count
    }

    /// Returns the indices of the elements of the outermost level among those in a range: none of them is inside another.
    pub fn outermost(&self, range: Range<usize>) -> impl Iterator<Item = usize> {
        let mut next = range.start;
        std::iter::from_fn(move || {
            let index = (next < range.end).then_some(next)?;
            next = self.inside(index).end;
            Some(index)
        })
    }
}

/// Builder of the elements of a document.
#[derive(Debug)]
pub(crate) struct DocumentBuilder<K> {
    spans: Vec<DocumentSpan<K>>,
}

impl<K: DocumentKind> DocumentBuilder<K> {
    pub(crate) fn new() -> Self {
        Self { spans: Vec::new() }
    }

    /// Adds an element, and returns its index.
    pub(crate) fn add(&mut self, kind: K, range: Range<usize>) -> usize {
        self.spans.push(DocumentSpan { kind, start: range.start as u32, end: range.end as u32 });
        self.spans.len() - 1
    }

    /// Sets the end of an element.
    pub(crate) fn end(&mut self, index: usize, end: usize) {
        self.spans[index].end = end as u32;
    }

    /// Changes the kind of an element.
    pub(crate) fn change(&mut self, index: usize, kind: K) {
        self.spans[index].kind = kind;
    }

    /// Returns the kind and the index of the last element.
    pub(crate) fn last(&self) -> Option<(K, usize)> {
        Some((self.spans.last()?.kind, self.spans.len() - 1))
    }

    pub(crate) fn finish(self) -> Vec<DocumentSpan<K>> {
        self.spans
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Returns the kinds and the texts of all elements.
    pub(crate) fn elements<K: DocumentKind>(text: &str) -> Vec<(K, &str)> {
        let outline = DocumentOutline::<K>::parse(text.as_bytes());
        outline.spans().iter().map(|span| (span.kind, &text[span.range()])).collect()
    }

    /// Asserts that elements are in order, inside the text, and inside each other or apart.
    pub(crate) fn assert_nested<K: DocumentKind>(text: &[u8]) {
        let outline = DocumentOutline::<K>::parse(text);
        assert!(outline.spans().is_sorted_by_key(|span| span.start));
        for index in 0..outline.spans().len() {
            let own = outline.spans()[index].range();
            assert!(own.start < own.end && own.end <= text.len());
            assert!(outline.inside(index).all(|other| outline.spans()[other].range().end <= own.end));
        }
    }
}
