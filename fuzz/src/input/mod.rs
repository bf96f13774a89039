//! Inputs and answers: reading a corpus, importing recorded traffic, and comparing the answers of two runs.

pub mod compare;
pub mod corpus;
pub mod import;
