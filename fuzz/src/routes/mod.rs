//! Routes that a campaign reached, with the status codes of their answers: the queue is replayed in warm processes
//! (`sockfuzz routes`). These modules import each other in one direction only: from the end of this list to its beginning.

pub mod summary;

mod grouping;
pub mod tally;

pub mod known;
pub mod playback;
