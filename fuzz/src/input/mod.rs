//! Inputs and answers: reading a corpus, importing recorded traffic, routes, comparing the answers of two runs, and
//! judging answers by rules.

pub mod answer;
pub mod compare;
pub mod corpus;
pub mod exchange;
pub mod exchanges;
pub mod import;
pub mod judge;
pub mod request_counts;
pub mod route;
pub mod tls_text;
