//! From the findings of a campaign to its bugs: findings of the same cause are one group, whose shortest witness is
//! reduced, and confirmed on the plain server. These modules import each other in one direction only: from the end of
//! this list to its beginning.

pub mod finding;

pub mod cause;
mod ddmin;
pub mod failure;

pub mod reduction;

pub mod witness;
pub mod wrong_answers;

mod job;

pub mod workers;

pub mod group;

pub mod confirmation;

mod examination;

mod reproducer;

pub mod folder;

pub mod bugs;

pub mod earlier_findings;
pub mod known_again;

pub mod pipeline;
