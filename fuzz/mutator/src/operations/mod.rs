//! Operations on inputs. An operation picks elements of the parent, adds edits, and returns whether it
//! found anything to change.

mod application;
mod bodies;
mod bytes;
mod conversion;
mod crossover;
mod documents;
mod fields;
pub(crate) mod frames;
mod graphql;
mod json;
mod learned;
mod located;
mod multipart;
mod places;
pub(crate) mod records;
mod references;
mod requests;
mod sessions;
mod targets;
#[cfg(test)]
mod tests;
mod units;
mod values;
mod xml;

use std::ops::Range;

use sockfuzz_model::{Kind, Span};
use sockfuzz_protocol::InputFormat;

use crate::client_protocol::ClientProtocol;
use crate::dictionary::Dictionary;
use crate::edits::Edits;
use crate::layer::Layer;
use crate::learned::Learned;
use crate::parsed_input::ParsedInput;
use crate::random::Random;

/// Mutation in progress: its inputs, its random choices, and its edits so far.
pub(crate) struct Mutation<'a> {
    pub(crate) parent: &'a ParsedInput,
    /// Another input of the queue, for crossover.
    pub(crate) other: &'a ParsedInput,
    pub(crate) random: &'a mut Random,
    pub(crate) dictionary: &'a Dictionary,
    pub(crate) learned: &'a Learned,
    pub(crate) edits: &'a mut Edits,
}

/// Operation of a mutation.
#[derive(Clone, Copy)]
pub(crate) struct Operation {
    /// Name in the queue's file names.
    pub(crate) name: &'static str,
    /// Frequency, relative to other operations.
    weight: u8,
    requires: Requirement,
    pub(crate) edit: fn(&mut Mutation<'_>) -> bool,
}

/// Precondition of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Requirement {
    Nothing,
    /// Inputs are sessions.
    Sessions,
    /// Another input is available.
    OtherInput,
    /// Both.
    SessionsWithOther,
}

macro_rules! operations {
    ($($requirement:ident: $($module:ident::$edit:ident * $weight:literal),+;)+) => {
        &[$($(Operation {
            name: stringify!($edit),
            weight: $weight,
            requires: Requirement::$requirement,
            edit: $module::$edit,
        }),+),+]
    };
}

/// Operations on the syntax of HTTP/1, and on connections.
const HTTP1_OPERATIONS: &[Operation] = operations! {
    Nothing:
        requests::double_request * 2, requests::drop_request * 3, requests::move_request * 2,
        requests::new_request * 2, requests::method * 5, requests::version * 2, requests::gap * 1,
        requests::blank * 1,
        targets::segment * 5, targets::query * 3, targets::escape * 3, targets::absolute * 2,
        targets::drop_piece * 2,
        fields::add_field * 12, fields::add_names * 3, fields::add_bundle * 6, fields::drop_field * 4,
        fields::double_field * 3, fields::move_field * 2, fields::name * 3, fields::colon * 2,
        fields::line_end * 2, fields::fold * 1,
        values::known_value * 8, values::member * 4, values::number * 5, values::word * 6,
        values::letter_case * 2, values::drop_piece * 3, values::lengthen * 2,
        bodies::add_body * 4, bodies::chunk_body * 3, bodies::split_chunk * 2, bodies::double_chunk * 2,
        bodies::drop_chunk * 2, bodies::size * 3, bodies::extension * 2, bodies::trailer * 2,
        bodies::length * 2, bodies::content * 4, multipart::part * 2, multipart::delimiter * 1,
        frames::begin_frames * 2,
        bytes::flip * 3, bytes::overwrite * 4, bytes::insert * 4, bytes::drop_some * 3,
        bytes::double_some * 3, bytes::insert_word * 4;
    Sessions:
        sessions::split * 10, sessions::act * 5, sessions::divert * 3, sessions::remove_marker * 3,
        sessions::double_on_another * 2;
    OtherInput:
        crossover::take_request * 5, crossover::take_field * 10, crossover::take_value * 5,
        crossover::take_target * 6, crossover::take_body * 3, crossover::splice * 5,
        crossover::take_head * 3;
};

/// Operations on what an application reads from requests of HTTP/1.
const APPLICATION_OPERATIONS: &[Operation] = operations! {
    Nothing:
        application::text * 10, application::border * 5, application::respell * 2, application::move_value * 3,
        json::scalar * 5, json::nest * 1, json::nest_again * 2, json::member * 4, json::key * 1,
        documents::document * 3, documents::piece * 5,
        conversion::convert * 2, conversion::media_type * 2,
        multipart::add_part * 2, multipart::disposition * 2,
        xml::element * 2, xml::nest_element * 1, xml::attribute * 2, xml::character_data * 2, xml::entity * 1,
        xml::namespace * 1,
        graphql::selection * 3, graphql::fragment * 1, graphql::argument * 2, graphql::operation * 1,
        learned::learned_path * 6, learned::learned_key * 4, learned::learned_method * 1,
        learned::learned_field * 3, learned::learned_value * 4;
    Sessions:
        references::refer * 4, references::authorise * 2, references::change_reference * 3,
        references::use_made * 3, references::again * 2;
    OtherInput:
        application::take_parameter * 4, json::take_member * 3, xml::take_element * 1;
    SessionsWithOther:
        references::follow_up * 5;
};

/// Operations on inputs in which the client speaks HTTP/2.
const HTTP2_OPERATIONS: &[Operation] = operations! {
    Nothing:
        frames::mutate_frames * 40, bytes::flip * 1, bytes::overwrite * 2, bytes::insert * 2,
        bytes::drop_some * 1, bytes::double_some * 1, bytes::insert_word * 1;
    Sessions:
        sessions::split * 8, sessions::act * 3, sessions::divert * 3, sessions::remove_marker * 3,
        sessions::double_on_another * 2;
    OtherInput:
        frames::take_frames * 15, crossover::splice * 3;
};

/// Operations on inputs in which the client speaks TLS.
const TLS_OPERATIONS: &[Operation] = operations! {
    Nothing:
        records::mutate_records * 40, bytes::flip * 1, bytes::overwrite * 1, bytes::insert * 1,
        bytes::drop_some * 1, bytes::double_some * 1;
    Sessions:
        records::end_packet * 6, records::double_all_on_another * 2, sessions::act * 4,
        sessions::remove_marker * 3;
    OtherInput:
        records::take_records * 6, records::take_element * 14, crossover::splice * 3;
};

/// Operations to choose from, by layer.
pub(crate) type Choice = [Vec<Operation>; Layer::COUNT];

/// Returns the operations whose requirements are met, each repeated according to its weight. A uniform choice
/// among those of a layer is therefore a weighted choice.
pub(crate) fn weighted_operations(format: InputFormat, protocol: ClientProtocol, has_other: bool) -> Choice {
    let tables = match protocol {
        ClientProtocol::Http1 => [HTTP1_OPERATIONS, APPLICATION_OPERATIONS],
        ClientProtocol::Http2 => [HTTP2_OPERATIONS, &[]],
        ClientProtocol::Tls => [TLS_OPERATIONS, &[]],
    };
    let is_met = |operation: &&Operation| match operation.requires {
        Requirement::Nothing => true,
        Requirement::Sessions => format == InputFormat::Session,
        Requirement::OtherInput => has_other,
        Requirement::SessionsWithOther => has_other && format == InputFormat::Session,
    };
    tables.map(|all| {
        all.iter().filter(is_met).flat_map(|operation| vec![*operation; operation.weight.into()]).collect()
    })
}

impl Mutation<'_> {
    /// Returns the index of a random span of this kind.
    fn random_index(&mut self, kind: Kind) -> Option<usize> {
        self.random.pick(self.parent.outline.of(kind)).map(|index| index as usize)
    }

    /// Returns the range of a random span of this kind.
    fn random_span(&mut self, kind: Kind) -> Option<Range<usize>> {
        self.parent.random_span(self.random, kind)
    }

    /// Returns the range of a random span of this kind in the other input.
    fn random_other_span(&mut self, kind: Kind) -> Option<Range<usize>> {
        self.other.random_span(self.random, kind)
    }

    fn span_at(&self, index: usize) -> Span {
        self.parent.outline.spans()[index]
    }

    /// Returns the index of the last span of this kind that begins before the span at `index`, such as the one around it.
    fn last_before(&self, kind: Kind, index: usize) -> Option<usize> {
        let all = self.parent.outline.of(kind);
        let count = all.partition_point(|other| (*other as usize) < index);
        Some(all[count.checked_sub(1)?] as usize)
    }

    /// Returns the range of the first span of this kind inside the span at `index`.
    fn first_inside(&self, index: usize, kind: Kind) -> Option<Range<usize>> {
        self.parent.outline.inside(index).iter().find(|span| span.kind == kind).map(|span| span.range())
    }

    fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self.parent.bytes[range]
    }

    /// Returns a word of the list, or with probability 1/3 a word of a part of the dictionary.
    fn random_word(&mut self, words: &[&'static str], part: fn(&Dictionary) -> &Vec<Box<[u8]>>) -> Vec<u8> {
        let listed = part(self.dictionary);
        if !listed.is_empty() && self.random.one_in(3) {
            return listed[self.random.below(listed.len())].to_vec();
        }
        self.random.word(words).to_vec()
    }

    /// Returns a position at which a field can be inserted: after a request line or another field.
    fn field_position(&mut self) -> Option<usize> {
        let outline = &self.parent.outline;
        let (lines, fields) = (outline.of(Kind::RequestLine), outline.of(Kind::Field));
        let index = self.random.below(lines.len() + fields.len());
        let span = lines.get(index).or_else(|| fields.get(index.checked_sub(lines.len())?))?;
        Some(self.span_at(*span as usize).end as usize)
    }

    /// Returns a position between two requests, or at either end.
    fn request_boundary(&mut self) -> usize {
        let requests = self.parent.outline.of(Kind::Request);
        match self.random.below(requests.len() + 1) {
            0 => self.parent.bytes.len(),
            index => self.span_at(requests[index - 1] as usize).start as usize,
        }
    }
}
