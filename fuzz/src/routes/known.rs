//! Routes that a campaign is meant to reach: those of imported descriptions, and those of the seeds.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;
use sockfuzz_protocol::InputFormat;
use sockfuzz_protocol::session::{Connection, Session};

use crate::input::corpus::Seed;
use crate::input::exchanges::exchanges;
use crate::input::route::{self, Route};

/// Name of the file with the routes, in the output directory.
const FILE: &str = "sockfuzz.routes";

/// Number of routes of seeds from which on the seeds are the inputs of another campaign, not a list of routes.
const MAX_OF_SEEDS: usize = 1000;

/// Adds the routes of descriptions, and those of the seeds, to those of the campaign in this output directory.
///
/// # Errors
/// When they cannot be written.
pub fn record(out: &Path, described: &[Route], seeds: &[Seed], format: InputFormat) -> Result<()> {
    let mut routes = described.to_vec();
    let of_seeds = of_seeds(seeds, format, described);
    if of_seeds.len() < MAX_OF_SEEDS {
        routes.extend(of_seeds);
    }
    route::add(&out.join(FILE), &routes)
}

/// Returns the routes of the campaign in an output directory.
#[must_use]
pub fn read(out: &Path) -> Vec<Route> {
    route::read(&out.join(FILE))
}

/// Returns the routes of the seeds that match none of a description.
fn of_seeds(seeds: &[Seed], format: InputFormat, described: &[Route]) -> BTreeSet<Route> {
    let no_answers = [const { Vec::new() }; Connection::COUNT];
    let requests =
        seeds.iter().flat_map(|seed| exchanges(&Session::of_input(&seed.bytes, format), &no_answers));
    requests
        .filter(|it| !described.iter().any(|route| route.matches(&it.method, &it.path)))
        .filter_map(|it| Route::of_request(&it.method, &it.path))
        .collect()
}
