//! Elements: the tree of numbers, opaque bytes, structures, lists and vectors that a record carries.

use std::borrow::Cow;

/// Element, named after its place in the grammar.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Element<'a> {
    /// Name, in the words of the standards.
    pub name: &'static str,
    /// Content.
    pub content: Content<'a>,
}

/// Content of an element.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Content<'a> {
    /// A number, or opaque bytes.
    Bytes(Cow<'a, [u8]>),
    /// Different elements in a fixed order.
    Struct(Vec<Element<'a>>),
    /// Any number of elements of the same kind.
    List(Vec<Element<'a>>),
    /// Elements after their length.
    Vector {
        /// Number of bytes of the length.
        width: usize,
        /// Length that is declared, if it differs from that of the elements.
        declared: Option<u32>,
        /// Mostly one element, and another one for bytes after its end.
        elements: Vec<Element<'a>>,
    },
}

impl<'a> Element<'a> {
    /// Creates an element without structure.
    pub fn bytes(name: &'static str, bytes: impl Into<Cow<'a, [u8]>>) -> Self {
        Self { name, content: Content::Bytes(bytes.into()) }
    }

    /// Returns its length in bytes.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "only the length counts")]
    pub fn len(&self) -> usize {
        let own = match &self.content {
            Content::Bytes(bytes) => bytes.len(),
            Content::Vector { width, .. } => *width,
            Content::Struct(_) | Content::List(_) => 0,
        };
        own + self.children().iter().map(Self::len).sum::<usize>()
    }

    /// Appends the element's bytes.
    pub fn serialise_into(&self, bytes: &mut Vec<u8>) {
        match &self.content {
            Content::Bytes(own) => bytes.extend_from_slice(own),
            Content::Struct(elements) | Content::List(elements) => {
                elements.iter().for_each(|element| element.serialise_into(bytes));
            }
            Content::Vector { width, declared, elements } => {
                let start = bytes.len() + width;
                bytes.resize(start, 0);
                elements.iter().for_each(|element| element.serialise_into(bytes));
                let length = declared.unwrap_or((bytes.len() - start).min(max_length(*width)) as u32);
                let prefix = &length.to_be_bytes()[size_of::<u32>() - width..];
                bytes[start - width..start].copy_from_slice(prefix);
            }
        }
    }

    /// Returns the element's bytes.
    #[must_use]
    pub fn serialise(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.serialise_into(&mut bytes);
        bytes
    }

    /// Returns the elements inside this one.
    #[must_use]
    pub fn children(&self) -> &[Self] {
        match &self.content {
            Content::Bytes(_) => &[],
            Content::Struct(elements) | Content::List(elements) | Content::Vector { elements, .. } => {
                elements
            }
        }
    }

    /// Returns the elements inside this one, to be changed.
    pub fn children_mut(&mut self) -> &mut [Self] {
        match &mut self.content {
            Content::Bytes(_) => &mut [],
            Content::Struct(elements) | Content::List(elements) | Content::Vector { elements, .. } => {
                elements
            }
        }
    }

    /// Returns its bytes as a number if it is one; `None` for structures, and for more than four bytes.
    #[must_use]
    pub fn number(&self) -> Option<u32> {
        match &self.content {
            Content::Bytes(bytes) if (1..=size_of::<u32>()).contains(&bytes.len()) => {
                Some(bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
            }
            _ => None,
        }
    }

    /// Calls `visit` for this element and all elements inside, from the outside to the inside.
    pub fn visit<'e>(&'e self, visit: &mut impl FnMut(&'e Self)) {
        visit(self);
        self.children().iter().for_each(|child| child.visit(visit));
    }

    /// Returns the number of elements, this one included, that satisfy a condition.
    #[must_use]
    pub fn count(&self, is: &impl Fn(&Self) -> bool) -> usize {
        let mut count = 0;
        self.visit(&mut |element| count += usize::from(is(element)));
        count
    }

    /// Returns the element that `skipped` others that satisfy a condition come before, to be changed. `skipped` is the
    /// number of those still to be skipped afterwards.
    pub fn nth_mut(&mut self, skipped: &mut usize, is: &impl Fn(&Self) -> bool) -> Option<&mut Self> {
        if is(self) {
            if *skipped == 0 {
                return Some(self);
            }
            *skipped -= 1;
        }
        self.children_mut().iter_mut().find_map(|child| child.nth_mut(skipped, is))
    }

    /// Converts into an element that owns its bytes.
    #[must_use]
    pub fn into_owned(self) -> Element<'static> {
        let all = |elements: Vec<Self>| elements.into_iter().map(Self::into_owned).collect();
        let content = match self.content {
            Content::Bytes(bytes) => Content::Bytes(Cow::Owned(bytes.into_owned())),
            Content::Struct(elements) => Content::Struct(all(elements)),
            Content::List(elements) => Content::List(all(elements)),
            Content::Vector { width, declared, elements } => {
                Content::Vector { width, declared, elements: all(elements) }
            }
        };
        Element { name: self.name, content }
    }
}

/// Returns the largest length that a prefix of `width` bytes can declare.
pub(super) fn max_length(width: usize) -> usize {
    (1 << (8 * width)) - 1
}
