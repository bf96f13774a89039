//! Generation of requests from `arbitrary`'s bytes. Most requests are valid, so that they pass a server's
//! first checks; some are malformed in a known way.

mod body;
mod pipeline;
mod request;

use arbitrary::{Result, Unstructured};

use crate::Bytes;

/// Chooses one of the words.
fn word<'a>(u: &mut Unstructured<'a>, words: &[&'static str]) -> Result<Bytes<'a>> {
    Ok(Bytes::Borrowed(u.choose(words)?.as_bytes()))
}

/// Chooses the usual word, or with probability 1/`seldom` one of `words`.
fn usually<'a>(
    u: &mut Unstructured<'a>,
    usual: &'static str,
    seldom: u8,
    words: &[&'static str],
) -> Result<Bytes<'a>> {
    if u.ratio(1, seldom)? { word(u, words) } else { Ok(Bytes::Borrowed(usual.as_bytes())) }
}

/// Generates up to `max` values.
fn several<'a, T>(
    u: &mut Unstructured<'a>,
    max: usize,
    mut one: impl FnMut(&mut Unstructured<'a>) -> Result<T>,
) -> Result<Vec<T>> {
    let count = u.int_in_range(0..=max)?;
    (0..count).map(|_| one(u)).collect()
}

/// Takes up to `max` bytes unchanged.
fn bytes<'a>(u: &mut Unstructured<'a>, max: usize) -> Result<Bytes<'a>> {
    let count = u.int_in_range(0..=max)?.min(u.len());
    Ok(Bytes::Borrowed(u.bytes(count)?))
}
