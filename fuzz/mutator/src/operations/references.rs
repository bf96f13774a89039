//! Operations on references to earlier answers, and on sequences of requests that they connect. They change only inputs
//! in which there is something to refer to: an answer to an earlier request.

use std::ops::Range;

use sockfuzz_model::Kind;
use sockfuzz_protocol::references;
use sockfuzz_protocol::session::Marker;

use super::Mutation;
use super::places::Place;
use crate::edits::Region;
use crate::parsed_input::ParsedInput;
use crate::random::Random;

/// Number of requests up to which a sequence grows: a login, and what is done with one thing.
const LONG_SEQUENCE_REQUESTS: usize = 8;

/// Values by which servers name what they have made or whom they know.
const VALUES: &[&str] = &[
    "json.id",
    "json.id",
    "json.id",
    "json.token",
    "json.token",
    "location.id",
    "location.id",
    "location",
    "json.name",
    "json.key",
    "json.uuid",
    "json.access_token",
    "json.session",
    "json.url",
    "json",
    "header.etag",
    "header.x-csrf-token",
    "cookie.session",
    "cookie.sid",
    "status",
];

/// Values by which clients prove who they are.
const TOKENS: &[&str] = &[
    "json.token",
    "json.token",
    "json.token",
    "json.access_token",
    "json.accessToken",
    "json.id",
    "cookie.session",
];

/// Methods by which clients use what they have made.
const METHODS: &[&str] = &["GET", "GET", "PUT", "PATCH", "DELETE", "DELETE", "POST", "HEAD"];

/// Replaces a value by a reference to an earlier answer.
pub(super) fn refer(mutation: &mut Mutation<'_>) -> bool {
    if mutation.parent.outline.of(Kind::Request).len() < 2 {
        return false;
    }
    let Some(place) = Place::random(mutation.random, mutation.parent) else { return false };
    let Some((number, request)) = request_of(mutation.parent, &place.range) else { return false };
    if number == 0 || place.range.is_empty() {
        return false;
    }
    // An answer comes before a step, not within it.
    let is_step = mutation.parent.markers.iter().any(|marker| marker.at == request.start);
    if !is_step {
        let connection = mutation.parent.connection_at(request.start);
        mutation.edits.insert_marker(request.start, Marker::send(connection));
    }
    let reference = reference(mutation, number);
    mutation.edits.replace(place.range, &reference, place.region)
}

/// Changes a reference: it names another answer or another value, moves elsewhere, or loses a byte.
pub(super) fn change_reference(mutation: &mut Mutation<'_>) -> bool {
    let all = all_references(&mutation.parent.bytes);
    let Some(range) =
        mutation.random.pick(&(0..all.len()).collect::<Vec<_>>()).map(|index| all[index].clone())
    else {
        return false;
    };
    let (number, _) = request_of(mutation.parent, &range).unwrap_or((1, 0..0));
    let region = region_of(mutation.parent, &range);
    let bytes = &mutation.parent.bytes;
    match mutation.random.below(4) {
        0 => {
            let dot = memchr::memchr(b'.', &bytes[range.clone()]).unwrap_or(range.len());
            let other = mutation.random.within(1..number + 2).to_string();
            mutation.edits.replace(range.start + 2..range.start + dot, other.as_bytes(), region)
        }
        1 => {
            let reference = reference(mutation, number);
            mutation.edits.replace(range, &reference, region)
        }
        2 => {
            let Some(place) = Place::random(mutation.random, mutation.parent) else { return false };
            mutation.edits.copy_from_parent(place.range, range, place.region)
        }
        _ => {
            let at = mutation.random.within(range);
            mutation.edits.replace(at..at + 1, b"", region)
        }
    }
}

/// Gives a request the token of an earlier answer.
pub(super) fn authorise(mutation: &mut Mutation<'_>) -> bool {
    if mutation.parent.outline.of(Kind::Request).len() < 2 {
        return false;
    }
    let Some(request) = mutation.random_span(Kind::Request) else { return false };
    let Some((number @ 1.., _)) = request_of(mutation.parent, &request) else { return false };
    let (range, text) = credentials(mutation.random, mutation.parent, &request, number);
    mutation.edits.replace(range, &text, Region::Elsewhere)
}

/// Adds a request of the other input as a last step, with a reference in the place of one of its values or as its
/// credentials.
pub(super) fn follow_up(mutation: &mut Mutation<'_>) -> bool {
    if !may_continue(mutation) {
        return false;
    }
    let Some(place) = Place::random(mutation.random, mutation.other) else { return false };
    let Some((_, request)) = request_of(mutation.other, &place.range) else { return false };
    let count = mutation.parent.outline.of(Kind::Request).len();
    let (range, text) = match place.region {
        Region::Elsewhere if mutation.random.one_in(2) => (place.range, reference(mutation, count)),
        _ => credentials(mutation.random, mutation.other, &request, count),
    };
    let end = begin_step(mutation);
    mutation.edits.copy_from_other(end.clone(), request.start..range.start, Region::Elsewhere);
    mutation.edits.replace(end.clone(), &text, Region::Elsewhere);
    mutation.edits.copy_from_other(end, range.end..request.end, Region::Elsewhere)
}

/// Adds a request for what an earlier request has made: at a path below that request's, or at the answer's location.
pub(super) fn use_made(mutation: &mut Mutation<'_>) -> bool {
    if !may_continue(mutation) {
        return false;
    }
    let Some(index) = mutation.random_index(Kind::Request) else { return false };
    let request = mutation.span_at(index).range();
    let (Some(path), Some(target)) =
        (mutation.first_inside(index, Kind::Path), mutation.first_inside(index, Kind::Target))
    else {
        return false;
    };
    let Some((number, _)) = request_of(mutation.parent, &path) else { return false };
    let method = mutation.random.word(METHODS);
    let value = mutation.random.pick(&["json.id", "json.id", "location.id", "location"]).unwrap_or("json.id");
    let reference = format!("{{{{{}.{value}}}}}", number + 1);
    let end = begin_step(mutation);
    mutation.edits.replace_with(end.clone(), Region::Elsewhere, |scratch| {
        scratch.extend_from_slice(method);
        scratch.push(b' ');
    });
    if value != "location" {
        let ends_in_slash = mutation.parent.bytes[path.clone()].ends_with(b"/");
        mutation.edits.copy_from_parent(end.clone(), path, Region::Elsewhere);
        mutation.edits.replace(end.clone(), if ends_in_slash { b"" } else { b"/" }, Region::Elsewhere);
    }
    mutation.edits.replace(end.clone(), reference.as_bytes(), Region::Elsewhere);
    mutation.edits.copy_from_parent(end, target.end..request.end, Region::Elsewhere)
}

/// Sends an earlier request again as a last step, for example to read what was deleted.
pub(super) fn again(mutation: &mut Mutation<'_>) -> bool {
    if !may_continue(mutation) {
        return false;
    }
    let Some(request) = mutation.random_span(Kind::Request) else { return false };
    let end = begin_step(mutation);
    mutation.edits.copy_from_parent(end.clone(), request, Region::Elsewhere)
}

/// Whether to add a step: the server may have made something, and the sequence is not too long.
fn may_continue(mutation: &mut Mutation<'_>) -> bool {
    let outline = &mutation.parent.outline;
    let makes = |index: &u32| {
        let method = outline.spans()[*index as usize].range();
        [&b"POST"[..], b"PUT"].contains(&&mutation.parent.bytes[method])
    };
    outline.of(Kind::Request).len() < LONG_SEQUENCE_REQUESTS
        && (outline.of(Kind::Method).iter().any(makes) || references::may_occur(&mutation.parent.bytes))
}

/// Begins a step at the end of the input, and returns that place.
fn begin_step(mutation: &mut Mutation<'_>) -> Range<usize> {
    let end = mutation.parent.bytes.len();
    mutation.edits.insert_marker(end, Marker::send(mutation.parent.connection_at(end)));
    end..end
}

/// Returns the number of requests before the one that has a range, and that request.
fn request_of(input: &ParsedInput, range: &Range<usize>) -> Option<(usize, Range<usize>)> {
    let requests = input.outline.of(Kind::Request).iter();
    let mut requests = requests.map(|index| input.outline.spans()[*index as usize].range()).enumerate();
    requests.find(|(_, request)| request.start <= range.start && range.end <= request.end)
}

fn region_of(input: &ParsedInput, range: &Range<usize>) -> Region {
    let mut bodies =
        input.outline.of(Kind::Body).iter().map(|index| input.outline.spans()[*index as usize].range());
    match bodies.any(|body| body.start <= range.start && range.end <= body.end) {
        true => Region::Body,
        false => Region::Elsewhere,
    }
}

fn all_references(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut position = 0;
    std::iter::from_fn(|| {
        let (range, _) = references::find(bytes, position)?;
        position = range.end;
        Some(range)
    })
    .collect()
}

/// Returns credentials with a reference to one of the first `count` answers, and the range of a request that they replace:
/// the value of its field Authorization or a cookie, or nothing after its first line.
fn credentials(
    random: &mut Random,
    input: &ParsedInput,
    request: &Range<usize>,
    count: usize,
) -> (Range<usize>, Vec<u8>) {
    // Clients log in first.
    let answer = if random.one_in(3) { random.within(1..count.max(1) + 1) } else { 1 };
    let token = format!("Bearer {{{{{answer}.{}}}}}", random.pick(TOKENS).unwrap_or("json.token"));
    let spans = input.outline.spans();
    let first = input.outline.of(Kind::Value).iter().map(|index| *index as usize).filter(|index| *index >= 2);
    for index in first {
        let (name, value) = (spans[index - 2].range(), spans[index].range());
        if value.start < request.start || value.end > request.end {
            continue;
        }
        let name = &input.bytes[name];
        if name.eq_ignore_ascii_case(b"Authorization") {
            return (value, token.into_bytes());
        }
        if name.eq_ignore_ascii_case(b"Cookie")
            && let Some(sign) = memchr::memchr(b'=', &input.bytes[value.clone()])
        {
            let cookie = value.start..value.start + sign;
            let reference =
                [format!("{{{{{answer}.cookie.").as_bytes(), &input.bytes[cookie], b"}}"].concat();
            return (value.start + sign + 1..value.end, reference);
        }
    }
    let line = input.bytes[request.clone()].split_inclusive(|&byte| byte == b'\n').next().unwrap_or_default();
    let place = request.start + line.len();
    (place..place, format!("Authorization: {token}\r\n").into_bytes())
}

/// Returns a reference to one of the first `count` answers, mostly to the last.
fn reference(mutation: &mut Mutation<'_>, count: usize) -> Vec<u8> {
    let last = count.max(1);
    let answer = if mutation.random.one_in(3) { mutation.random.within(1..last + 1) } else { last };
    let used = match mutation.random.below(4) {
        0 => used_name(mutation.random, mutation.parent),
        1 if mutation.other.len() > 0 => used_name(mutation.random, mutation.other),
        _ => None,
    };
    let name = used.unwrap_or_else(|| mutation.random.word(VALUES).to_vec());
    [format!("{{{{{answer}.").as_bytes(), &name, b"}}"].concat()
}

/// Returns the name of a value that an input itself uses: answers often use the names of requests.
fn used_name(random: &mut Random, input: &ParsedInput) -> Option<Vec<u8>> {
    let place = Place::random(random, input)?;
    let name = &input.bytes[place.range];
    let kind: &[u8] = match random.below(6) {
        0 => b"header.",
        1 => b"cookie.",
        _ => b"json.",
    };
    let can_be_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-".contains(byte);
    let is_name = (1..=32).contains(&name.len()) && name.iter().all(can_be_name);
    is_name.then(|| [kind, name].concat())
}
