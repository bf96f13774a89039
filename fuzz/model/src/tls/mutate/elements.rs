//! Mutations of the elements that records carry: lists, lengths, values.

use std::borrow::Cow;

use crate::bytes::mutate_bytes;
use crate::random::Random;
use crate::tls::element::max_length;
use crate::tls::{Content, Element, vocabulary};

/// Number of items at which mutations stop adding items to a list.
const MAX_ITEMS_PER_LIST: usize = 512;
/// Largest length that a mutation gives to a value, in bytes.
const MAX_VALUE_LENGTH: usize = 1 << 10;
/// Largest number of bytes by which copies of an item lengthen a list.
const MAX_COPIED_BYTES: usize = 1 << 14;

/// Changes one element. Returns false if there was nothing to change.
pub(super) fn mutate(content: &mut Element<'_>, random: &mut impl Random) -> bool {
    match random.below(16) {
        0..=5 => change_random(content, random, is_list, list),
        6..=7 => change_random(content, random, is_vector, length),
        8 => change_random(content, random, is_vector, keep_length),
        _ => change_random(content, random, is_value, value),
    }
}

/// Puts an item of a list of `source` into a list of the same name, or in the place of one of its items.
pub(super) fn take(content: &mut Element<'_>, source: &Element<'_>, random: &mut impl Random) -> bool {
    let mut lists = Vec::new();
    source.visit(&mut |element| {
        if is_list(element) && !element.children().is_empty() {
            lists.push(element);
        }
    });
    if lists.is_empty() {
        return false;
    }
    let chosen = *random.pick(&lists);
    let item = random.pick(chosen.children()).clone().into_owned();
    let same_name = |element: &Element<'_>| is_list(element) && element.name == chosen.name;
    change_random(content, random, same_name, |list, random| {
        let Content::List(items) = &mut list.content else { return false };
        let at = random.below(items.len() + 1);
        if at < items.len() && random.one_in(2) {
            items[at] = item;
        } else if items.len() < MAX_ITEMS_PER_LIST {
            items.insert(at, item);
        } else {
            return false;
        }
        true
    })
}

fn is_list(element: &Element<'_>) -> bool {
    matches!(element.content, Content::List(_))
}

fn is_vector(element: &Element<'_>) -> bool {
    matches!(element.content, Content::Vector { .. })
}

fn is_value(element: &Element<'_>) -> bool {
    matches!(element.content, Content::Bytes(_))
}

/// Changes a random one of the elements that satisfy a condition.
fn change_random<R: Random>(
    content: &mut Element<'_>,
    random: &mut R,
    is: impl Fn(&Element<'_>) -> bool,
    change: impl FnOnce(&mut Element<'_>, &mut R) -> bool,
) -> bool {
    let mut skipped = random.below(content.count(&is));
    content.nth_mut(&mut skipped, &is).is_some_and(|element| change(element, random))
}

/// Drops, moves, swaps, repeats or adds items of a list.
fn list<R: Random>(list: &mut Element<'_>, random: &mut R) -> bool {
    let name = list.name;
    let Content::List(items) = &mut list.content else { return false };
    let count = items.len();
    let number = random.below(count);
    match random.below(10) {
        0..=2 if count > 0 => drop(items.remove(number)),
        3 if count > 1 => {
            let item = items.remove(number);
            items.insert(random.below(count), item);
        }
        4 if count > 1 => items.swap(number, random.below(count)),
        5 if count > 1 => items.truncate(number),
        _ if count >= MAX_ITEMS_PER_LIST => return false,
        6 if count > 0 => items.insert(random.below(count + 1), items[number].clone()),
        7 if count > 0 && random.one_in(4) => {
            let item = items[number].clone();
            let limit = (MAX_ITEMS_PER_LIST - count).min(MAX_COPIED_BYTES / item.len().max(1));
            let copies = (1 << random.below(MAX_ITEMS_PER_LIST.ilog2() as usize)).min(limit);
            items.splice(number..number, std::iter::repeat_n(item, copies));
        }
        _ => return add(name, items, random),
    }
    true
}

/// Adds a known item, or a changed copy of another item.
fn add<R: Random>(list: &'static str, items: &mut Vec<Element<'_>>, random: &mut R) -> bool {
    let new = match vocabulary::new_item(list, random) {
        Some(new) => new,
        None if items.is_empty() => return false,
        None => {
            let mut copy = random.pick(items).clone();
            change_random(&mut copy, random, is_value, value);
            copy
        }
    };
    items.insert(random.below(items.len() + 1), new);
    true
}

/// Declares a wrong length, or the right one again.
fn length<R: Random>(vector: &mut Element<'_>, random: &mut R) -> bool {
    let Content::Vector { width, declared, elements } = &mut vector.content else { return false };
    let right = elements.iter().map(Element::len).sum::<usize>();
    let max = max_length(*width);
    *declared = if declared.is_some() {
        None
    } else {
        let wrong = match random.below(8) {
            0 | 1 => right.saturating_sub(1),
            2 | 3 => right + 1,
            4 => 0,
            5 => max,
            6 => right.saturating_sub(random.below(right + 1)),
            _ => random.below(max + 1),
        };
        Some(wrong.min(max) as u32)
    };
    true
}

/// Changes a value inside a vector whose declared length stays that of before.
fn keep_length<R: Random>(vector: &mut Element<'_>, random: &mut R) -> bool {
    let Content::Vector { declared, elements, .. } = &mut vector.content else { return false };
    let right = elements.iter().map(Element::len).sum::<usize>();
    declared.get_or_insert(right as u32);
    let Some(element) = elements.first_mut() else { return false };
    if random.one_in(2) && change_random(element, random, is_list, list) {
        return true;
    }
    change_random(element, random, is_value, value)
}

/// Changes a number or opaque bytes.
fn value<R: Random>(element: &mut Element<'_>, random: &mut R) -> bool {
    let number = element.number();
    let name = element.name;
    let Content::Bytes(bytes) = &mut element.content else { return false };
    if let Some(known) = vocabulary::value(name, bytes.len(), random).filter(|_| !random.one_in(6)) {
        *bytes = Cow::Owned(known);
        return true;
    }
    let bytes = bytes.to_mut();
    match random.below(8) {
        0 if number.is_some() => {
            let near = number.unwrap_or_default().wrapping_add(random.below(5) as u32).wrapping_sub(2);
            let width = bytes.len();
            bytes.copy_from_slice(&near.to_be_bytes()[size_of::<u32>() - width..]);
        }
        0 | 1 => bytes.clear(),
        2 => {
            // Lengths around those at which fixed buffers end.
            let length = *random.pick(&[1, 31, 32, 33, 48, 64, 65, 128, 255, 256, 257, MAX_VALUE_LENGTH]);
            let filler = bytes.first().copied().unwrap_or_else(|| random.byte());
            bytes.resize(length, filler);
        }
        _ => mutate_bytes(bytes, b"\0\x01\x7f\x80\xff.a", random),
    }
    true
}
