//! Inputs and answers as bytes: reading a corpus, importing recorded traffic into one, and comparing the
//! answers of two runs.

pub mod compare;
pub mod corpus;
pub mod import;
