//! Benchmark of executions per second: sockfuzz and other ways to fuzz the same servers, on the same core.
//! The speed of a machine varies and drifts, so each case is measured once in every round, and cases are
//! compared within a round. The figures are medians over the rounds.
//!
//! Two cases measure the loops alone. `empty/afl` is an `afl::fuzz!` harness with an empty body, which shows the
//! cost of AFL++'s persistent loop. `empty/direct` is a server that accepts a connection and closes it, over
//! transport memory. It is the smallest possible server, because one that does not accept counts as crashed.

mod case;
mod catalogue;
mod chart;
mod crashes;
mod csv_file;
mod goals;
mod measurement;
mod names;
mod netdriver;
mod rounds;
mod statistics;
mod table;

pub use case::{BenchCase, BenchTools};
pub use catalogue::Catalogue;
pub use chart::draw as draw_chart;
pub use csv_file::write as write_csv;
pub use goals::Goal;
pub use measurement::Measurement;
pub use rounds::{CaseResults, RoundsResult, run};
pub use table::print as print_tables;
