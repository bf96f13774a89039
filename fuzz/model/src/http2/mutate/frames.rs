//! Mutations that add, drop, move, split and join frames.

use crate::http2::generate;
use crate::http2::hpack::HeaderEncoder;
use crate::http2::{Connection, Frame, Random, Streams, flag, kind};

/// Number of frames at which mutations stop adding frames.
const MAX_FRAMES_PER_CONNECTION: usize = 256;

/// Changes the list of frames. Returns false if there was nothing to change.
pub(super) fn mutate(connection: &mut Connection<'_>, random: &mut impl Random) -> bool {
    let count = connection.frames.len();
    let number = random.below(count);
    if count == 0 || (count >= MAX_FRAMES_PER_CONNECTION && random.below(8) > 1) {
        return false;
    }
    let frames = &mut connection.frames;
    match random.below(8) {
        0 if count > 1 => drop(frames.remove(number)),
        1 if count > 1 => {
            let frame = frames.remove(number);
            frames.insert(random.below(count), frame);
        }
        2 => frames.insert(random.below(count + 1), frames[number].clone()),
        3 => repeat_request(frames, number),
        4 | 5 => return split(frames, number, random),
        6 => return join(frames, number),
        _ => insert(connection, random),
    }
    true
}

/// Inserts a frame that fits the states of the streams at its position.
pub(super) fn insert(connection: &mut Connection<'_>, random: &mut impl Random) {
    if connection.frames.len() >= MAX_FRAMES_PER_CONNECTION {
        return;
    }
    let at = random.below(connection.frames.len() + 1);
    let streams = Streams::after(&connection.frames[..at]);
    let frame = generate::frame(&streams, &mut HeaderEncoder::default(), random);
    connection.frames.insert(at, frame);
}

/// Repeats a request on a new stream.
fn repeat_request(frames: &mut Vec<Frame<'_>>, number: usize) {
    let stream = frames[number].stream;
    let next = Streams::after(frames).next_id();
    let copies: Vec<_> = frames
        .iter()
        .filter(|frame| frame.stream == stream)
        .map(|frame| Frame { stream: if stream == 0 { 0 } else { next }, ..frame.clone() })
        .take(MAX_FRAMES_PER_CONNECTION - frames.len().min(MAX_FRAMES_PER_CONNECTION))
        .collect();
    frames.extend(copies);
}

/// Splits a frame: DATA into two frames, a header block with another CONTINUATION, SETTINGS between two
/// settings.
fn split(frames: &mut Vec<Frame<'_>>, number: usize, random: &mut impl Random) -> bool {
    let frame = &mut frames[number];
    let content = frame.content().to_vec();
    let at = match frame.kind {
        kind::SETTINGS => random.below(content.len() / 6 + 1) * 6,
        kind::DATA | kind::HEADERS | kind::PUSH_PROMISE | kind::CONTINUATION => {
            random.below(content.len() + 1)
        }
        _ => return false,
    };
    let (first, second) = content.split_at(at);
    frame.set_content(first);
    let (kind, moved) = match frame.kind {
        kind::DATA => (kind::DATA, flag::END_STREAM),
        kind::SETTINGS => (kind::SETTINGS, 0),
        _ => (kind::CONTINUATION, flag::END_HEADERS),
    };
    let second = Frame::new(kind, frame.flags & moved, frame.stream, second.to_vec());
    frame.flags &= !moved;
    frames.insert(number + 1, second);
    true
}

/// Joins a frame and the next frame, if the next one continues it.
fn join(frames: &mut Vec<Frame<'_>>, number: usize) -> bool {
    let [first, second, ..] = &frames[number..] else {
        return false;
    };
    let continues = match second.kind {
        kind::CONTINUATION => first.begins_block() || first.kind == kind::CONTINUATION,
        kind::DATA | kind::SETTINGS => second.kind == first.kind,
        _ => false,
    };
    if !continues || first.stream != second.stream {
        return false;
    }
    let content = [first.content(), second.content()].concat();
    let kept =
        second.flags & if second.kind == kind::CONTINUATION { flag::END_HEADERS } else { flag::END_STREAM };
    frames[number].set_content(&content);
    frames[number].flags |= kept;
    frames.remove(number + 1);
    true
}
