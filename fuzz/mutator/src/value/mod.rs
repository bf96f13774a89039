//! Values that applications read from requests: path segments, parameters, cookies, fields of forms, JSON strings.

mod encoding;
mod text;

pub(crate) use encoding::{Encoding, Spelling};
pub(crate) use text::{border, mutate_text, near_number};
