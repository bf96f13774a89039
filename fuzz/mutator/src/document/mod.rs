//! Documents in bodies: their formats, media types, and their content as a tree that can be written in any format.

mod format;
mod media_type;
mod query;
mod read;
mod tree;
mod write;

pub(crate) use format::Format;
pub(crate) use media_type::{add_parameter, agreeing, boundary, other};
pub(crate) use read::{part_name, read};
pub(crate) use tree::Tree;
pub(crate) use write::write;
