//! Processors for which nothing is patched yet.

use super::{Architecture, CallbackCalls, Callbacks};

pub(crate) struct Other;

impl Architecture for Other {
    const INCREMENTS_IN_PLACE: bool = false;

    fn find_calls(_: &[u8], _: usize, _: &Callbacks<'_>, _: &mut CallbackCalls) {}

    fn increment(_: u32) -> Vec<u8> {
        Vec::new()
    }

    fn nothing(_: usize) -> &'static [u8] {
        &[]
    }
}
