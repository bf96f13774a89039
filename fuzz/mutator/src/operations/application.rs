//! Operations on the values that an application reads, wherever they stand and however they are encoded.

use super::Mutation;
use super::places::Place;
use crate::parsed_input::ParsedInput;
use crate::value::{Spelling, border as border_value, mutate_text};

/// Changes a value by its characters.
pub(super) fn text(mutation: &mut Mutation<'_>) -> bool {
    let Some(place) = Place::random(mutation.random, mutation.parent) else { return false };
    let mut value = place.value(mutation.parent);
    mutate_text(mutation.random, &mut value);
    write(mutation, place, &value)
}

/// Replaces a value by one at the border of a type.
pub(super) fn border(mutation: &mut Mutation<'_>) -> bool {
    let Some(place) = Place::random(mutation.random, mutation.parent) else { return false };
    let value = border_value(mutation.random, &place.value(mutation.parent));
    write(mutation, place, value)
}

/// Encodes a value in another way.
pub(super) fn respell(mutation: &mut Mutation<'_>) -> bool {
    let Some(place) = Place::random(mutation.random, mutation.parent) else { return false };
    let value = place.value(mutation.parent);
    write(mutation, place, &value)
}

/// Replaces a value by that of another place.
pub(super) fn move_value(mutation: &mut Mutation<'_>) -> bool {
    replace_by_one_of(mutation, mutation.parent)
}

/// Replaces a value by one of the other input, of any place there.
pub(super) fn take_parameter(mutation: &mut Mutation<'_>) -> bool {
    replace_by_one_of(mutation, mutation.other)
}

fn replace_by_one_of(mutation: &mut Mutation<'_>, input: &ParsedInput) -> bool {
    let (Some(place), Some(from)) =
        (Place::random(mutation.random, mutation.parent), Place::random(mutation.random, input))
    else {
        return false;
    };
    write(mutation, place, &from.value(input))
}

fn write(mutation: &mut Mutation<'_>, place: Place, value: &[u8]) -> bool {
    let spelling = Spelling::random(mutation.random);
    place.write(mutation.edits, value, spelling)
}
