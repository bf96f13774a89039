//! Items of all lists of a stream, for trimming.

use super::element::{Content, Element};
use super::stream::{RecordStream, parse_content};

/// Returns the number of items in all lists: messages, extensions, cipher suites and so on, those inside others included.
#[must_use]
pub fn item_count(stream: &RecordStream<'_>) -> usize {
    let count = |first: &usize| {
        let bytes = stream.content(*first);
        let mut count = 0;
        parse_content(stream.records[*first].header, &bytes).visit(&mut |element| count += items(element));
        count
    };
    stream.contents().iter().map(count).sum()
}

fn items(element: &Element<'_>) -> usize {
    match &element.content {
        Content::List(items) => items.len(),
        _ => 0,
    }
}

/// Removes an item, counted from 0. All lengths around it are those that its absence gives. Returns false if there are not
/// that many items.
pub fn remove_item(stream: &mut RecordStream<'_>, number: usize) -> bool {
    let mut skipped = number;
    for first in stream.contents() {
        let bytes = stream.content(first).into_owned();
        let mut content = parse_content(stream.records[first].header, &bytes);
        if remove(&mut content, &mut skipped) {
            stream.set_content(first, &content.serialise());
            return true;
        }
    }
    false
}

/// Removes the item that `skipped` others come before; otherwise, subtracts from it the number of items here.
fn remove(element: &mut Element<'_>, skipped: &mut usize) -> bool {
    if let Content::List(items) = &mut element.content {
        if *skipped < items.len() {
            items.remove(*skipped);
            return true;
        }
        *skipped -= items.len();
    }
    element.children_mut().iter_mut().any(|child| remove(child, skipped))
}
