//! Measuring executions per second, side by side: what sockfuzz and its competitors make of the same
//! servers on the same core in the same minutes. Machines are noisy and drift, so each case is
//! measured once in every round, and what is compared is compared within a round; the figures are
//! medians over the rounds.
//!
//! Two cases stand for the loops alone. `empty/afl` is an `afl::fuzz!` harness with an empty body: what
//! AFL++'s persistent loop costs. `empty/direct` is a server that accepts a connection and closes it,
//! through transport memory: the least that there is to be driven, since a server that does not even
//! accept has crashed.

mod case;
mod catalogue;
mod chart;
mod crashes;
mod goals;
mod netdriver;
mod rounds;
mod sheet;
mod statistics;
mod table;

pub use case::{Case, Measurement, Tools};
pub use catalogue::Catalogue;
pub use chart::write as write_chart;
pub use goals::Goal;
pub use rounds::{Course, Series, run};
pub use sheet::write as write_sheet;
pub use table::print;
