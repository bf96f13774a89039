//! Generation of pipelines and sessions.

use arbitrary::{Arbitrary, Result, Unstructured};
use sockfuzz_protocol::session::{Action, Connection, Step};

use super::{bytes, several};
use crate::{Item, ParsedSession, Pipeline, Request};

const MAX_REQUESTS_PER_PIPELINE: usize = 3;
const MAX_GENERATED_STEPS: usize = 8;

impl<'a> Arbitrary<'a> for Pipeline<'a> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let mut items = vec![Item::Request(Request::arbitrary(u)?)];
        let more = |u: &mut Unstructured<'a>| {
            Ok(if u.ratio(1, 12)? {
                Item::Opaque(bytes(u, 32)?)
            } else {
                Item::Request(Request::arbitrary(u)?)
            })
        };
        if u.ratio(1, 3)? {
            items.extend(several(u, MAX_REQUESTS_PER_PIPELINE - 1, more)?);
        }
        Ok(Self { items })
    }
}

impl<'a> Arbitrary<'a> for ParsedSession<'a> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let step = |u: &mut Unstructured<'a>| {
            let connection = *u.choose(&Connection::ALL)?;
            let action = match u.int_in_range(0..=9u8)? {
                0 => Action::Open,
                1 => Action::HalfClose,
                2 => Action::Close,
                3 => Action::Reset,
                _ => Action::Send(Pipeline::arbitrary(u)?),
            };
            Ok(Step { connection, action })
        };
        Ok(Self { steps: several(u, MAX_GENERATED_STEPS, step)? })
    }
}
