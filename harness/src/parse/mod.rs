//! Parsers of the formats inside requests, one per file. They do not depend on routes.

pub mod byte_range;
pub mod cookie;
pub mod multipart;
pub mod percent;
pub mod query;
pub mod validator;
