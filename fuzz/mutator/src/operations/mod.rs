//! What can be done to an input. An operation looks for what it needs in the parent, makes its edits,
//! and says whether there was anything to do.

mod bodies;
mod bytes;
mod crossover;
mod documents;
mod fields;
pub(crate) mod frames;
mod requests;
mod sessions;
mod targets;
mod values;

use std::ops::Range;

use sockfuzz_model::{Kind, Span};
use sockfuzz_protocol::InputFormat;

use crate::dictionary::Dictionary;
use crate::edits::Edits;
use crate::parsed_input::ParsedInput;
use crate::random::Random;

/// An input in the making.
pub(crate) struct Draft<'a> {
    pub(crate) parent: &'a ParsedInput,
    /// Another input, for those who cross.
    pub(crate) other: &'a ParsedInput,
    pub(crate) random: &'a mut Random,
    pub(crate) dictionary: &'a Dictionary,
    pub(crate) edits: &'a mut Edits,
}

/// One thing to do.
#[derive(Clone, Copy)]
pub(crate) struct Operation {
    /// What it is called in the queue's file names.
    pub(crate) name: &'static str,
    /// How often it is tried, compared to others.
    weight: u8,
    needs: Needs,
    pub(crate) edit: fn(&mut Draft<'_>) -> bool,
}

/// What an operation cannot do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    Nothing,
    /// Inputs that are sessions.
    Sessions,
    /// Another input.
    Other,
}

macro_rules! operations {
    ($($needs:ident: $($module:ident::$edit:ident * $weight:literal),+;)+) => {
        &[$($(Operation {
            name: stringify!($edit),
            weight: $weight,
            needs: Needs::$needs,
            edit: $module::$edit,
        }),+),+]
    };
}

const ALL: &[Operation] = operations! {
    Nothing:
        requests::double_request * 2, requests::drop_request * 3, requests::move_request * 2,
        requests::new_request * 2, requests::method * 5, requests::version * 2, requests::gap * 1,
        requests::blank * 1,
        targets::segment * 5, targets::query * 3, targets::escape * 3, targets::absolute * 2,
        targets::drop_piece * 2,
        fields::add_field * 12, fields::add_names * 3, fields::add_bundle * 6, fields::drop_field * 4,
        fields::double_field * 3, fields::move_field * 2, fields::name * 3, fields::colon * 2, fields::line_end * 2, fields::fold * 1,
        values::known_value * 8, values::member * 4, values::number * 5, values::word * 6, values::letter_case * 2,
        values::drop_piece * 3, values::lengthen * 2,
        bodies::add_body * 4, bodies::chunk_body * 3, bodies::split_chunk * 2, bodies::double_chunk * 2,
        bodies::drop_chunk * 2, bodies::size * 3, bodies::extension * 2, bodies::trailer * 2, bodies::length * 2,
        bodies::content * 4, bodies::part * 2, documents::document * 3, documents::piece * 6,
        frames::begin_frames * 2,
        bytes::flip * 3, bytes::overwrite * 4, bytes::insert * 4, bytes::drop_some * 3, bytes::double_some * 3,
        bytes::insert_word * 4;
    Sessions:
        sessions::split * 10, sessions::act * 5, sessions::divert * 3, sessions::remove_marker * 3,
        sessions::double_on_another * 2;
    Other:
        crossover::take_request * 5, crossover::take_field * 10, crossover::take_value * 5,
        crossover::take_target * 6, crossover::take_body * 3, crossover::splice * 5, crossover::take_head * 3;
};

/// What suits inputs in which HTTP/2 is spoken: few of the others do.
const FRAMED: &[Operation] = operations! {
    Nothing:
        frames::mutate_frames * 40, bytes::flip * 1, bytes::overwrite * 2, bytes::insert * 2,
        bytes::drop_some * 1, bytes::double_some * 1, bytes::insert_word * 1;
    Sessions:
        sessions::split * 8, sessions::act * 3, sessions::divert * 3, sessions::remove_marker * 3,
        sessions::double_on_another * 2;
    Other:
        frames::take_frames * 15, crossover::splice * 3;
};

/// The operations for inputs like these, each as often as it is to be tried.
pub(crate) fn wheel(input: InputFormat, framed: bool, has_other: bool) -> Vec<Operation> {
    let all = if framed { FRAMED } else { ALL };
    let fits = |operation: &&Operation| match operation.needs {
        Needs::Nothing => true,
        Needs::Sessions => input == InputFormat::Session,
        Needs::Other => has_other,
    };
    all.iter().filter(fits).flat_map(|operation| vec![*operation; operation.weight.into()]).collect()
}

impl Draft<'_> {
    /// Index of a span of this kind.
    fn find(&mut self, kind: Kind) -> Option<usize> {
        self.random.pick(self.parent.outline.of(kind)).map(|index| index as usize)
    }

    /// A span of this kind.
    fn span(&mut self, kind: Kind) -> Option<Range<usize>> {
        self.find(kind).map(|index| self.at(index).range())
    }

    /// A span of the other input.
    fn other_span(&mut self, kind: Kind) -> Option<Range<usize>> {
        let index = self.random.pick(self.other.outline.of(kind))?;
        Some(self.other.outline.spans()[index as usize].range())
    }

    fn at(&self, index: usize) -> Span {
        self.parent.outline.spans()[index]
    }

    /// The first span of this kind inside the one at `index`.
    fn inside(&self, index: usize, kind: Kind) -> Option<Range<usize>> {
        self.parent.outline.inside(index).iter().find(|span| span.kind == kind).map(|span| span.range())
    }

    fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self.parent.bytes[range]
    }

    /// A word of a list, or, now and then, one of the dictionary.
    fn word(&mut self, words: &[&'static str], of: fn(&Dictionary) -> &Vec<Box<[u8]>>) -> Vec<u8> {
        let listed = of(self.dictionary);
        if !listed.is_empty() && self.random.one_in(3) {
            return listed[self.random.below(listed.len())].to_vec();
        }
        self.random.word(words).to_vec()
    }

    /// A place where a field can be put: after a request line or another field.
    fn line(&mut self) -> Option<usize> {
        let outline = &self.parent.outline;
        let (lines, fields) = (outline.of(Kind::RequestLine), outline.of(Kind::Field));
        let index = self.random.below(lines.len() + fields.len());
        let span = lines.get(index).or_else(|| fields.get(index.checked_sub(lines.len())?))?;
        Some(self.at(*span as usize).end as usize)
    }

    /// Between two requests, or at either end.
    fn seam(&mut self) -> usize {
        let requests = self.parent.outline.of(Kind::Request);
        match self.random.below(requests.len() + 1) {
            0 => self.parent.bytes.len(),
            index => self.at(requests[index - 1] as usize).start as usize,
        }
    }
}
