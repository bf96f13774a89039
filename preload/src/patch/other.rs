//! Processors for which nothing is patched yet.

use super::{Architecture, CallSite, Callee};

pub(crate) struct Other;

impl Architecture for Other {
    const INCREMENTS_IN_PLACE: bool = false;

    fn find_calls(_: &[u8], _: usize, _: &Callee<'_>, _: &mut Vec<CallSite>) -> usize {
        0
    }

    fn increment(_: &CallSite, _: u32) -> Vec<u8> {
        Vec::new()
    }
}
