//! Making requests up: mostly right, so that a server follows them far, and wrong in one of the
//! known ways now and then.

mod body;
mod pipeline;
mod request;

use arbitrary::{Result, Unstructured};

use crate::Bytes;

/// One of these words.
fn word<'a>(u: &mut Unstructured<'a>, words: &[&'static str]) -> Result<Bytes<'a>> {
    Ok(Bytes::Borrowed(u.choose(words)?.as_bytes()))
}

/// The usual one, or, one time in `seldom`, one of these words.
fn usually<'a>(
    u: &mut Unstructured<'a>,
    usual: &'static str,
    seldom: u8,
    words: &[&'static str],
) -> Result<Bytes<'a>> {
    if u.ratio(1, seldom)? { word(u, words) } else { Ok(Bytes::Borrowed(usual.as_bytes())) }
}

/// Up to `most` of something.
fn several<'a, T>(
    u: &mut Unstructured<'a>,
    most: usize,
    mut one: impl FnMut(&mut Unstructured<'a>) -> Result<T>,
) -> Result<Vec<T>> {
    let count = u.int_in_range(0..=most)?;
    (0..count).map(|_| one(u)).collect()
}

/// Any bytes, up to `most`.
fn bytes<'a>(u: &mut Unstructured<'a>, most: usize) -> Result<Bytes<'a>> {
    let count = u.int_in_range(0..=most)?.min(u.len());
    Ok(Bytes::Borrowed(u.bytes(count)?))
}
