//! The formats inside requests: one parser per file, none of them knows about routes.

pub mod byte_range;
pub mod cookie;
pub mod multipart;
pub mod percent;
pub mod query;
pub mod validator;
