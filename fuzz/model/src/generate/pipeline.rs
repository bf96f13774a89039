//! Requests one after the other, and connections side by side.

use arbitrary::{Arbitrary, Result, Unstructured};
use sockfuzz_protocol::session::{Action, Connection, Step};

use super::{bytes, several};
use crate::{Conversation, Item, Pipeline, Request};

const MOST_REQUESTS: usize = 3;
const MOST_TURNS: usize = 8;

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
            items.extend(several(u, MOST_REQUESTS - 1, more)?);
        }
        Ok(Self { items })
    }
}

impl<'a> Arbitrary<'a> for Conversation<'a> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let turn = |u: &mut Unstructured<'a>| {
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
        Ok(Self { turns: several(u, MOST_TURNS, turn)? })
    }
}
