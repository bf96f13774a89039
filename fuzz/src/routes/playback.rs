//! Playback of the queues for their routes: one process answers many inputs.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use sockfuzz_protocol::session::Session;

use super::known;
use super::summary::RouteSummary;
use super::tally::RouteTally;
use crate::campaign::findings;
use crate::input::corpus;
use crate::input::exchanges::exchanges;
use crate::server::single_run::RunConfig;
use crate::util::fingerprint::fingerprint;

/// Number of inputs in a process, whose answers are all in memory at the same time.
const BATCH: usize = 500;

/// Reads the different inputs in the queues of all instances, the earliest of each queue first.
///
/// # Errors
/// An output directory without a queue, or a file that cannot be read.
pub fn queue_inputs(out: &Path) -> Result<Vec<Vec<u8>>> {
    let mut seen = HashSet::new();
    let mut inputs = Vec::new();
    for queue in findings::queues(out)? {
        for file in corpus::files_below(&queue)? {
            let input = fs::read(file)?;
            if !input.is_empty() && seen.insert(fingerprint(&input)) {
                inputs.push(input);
            }
        }
    }
    Ok(inputs)
}

/// Plays the inputs, up to the deadline, and sums up their routes. `on_input` is called for each input that begins.
///
/// # Errors
/// When the server cannot be started, or the user interrupts.
pub fn play(
    config: &RunConfig<'_>,
    out: &Path,
    inputs: &[Vec<u8>],
    deadline: Instant,
    on_input: &dyn Fn(),
) -> Result<RouteSummary> {
    let format = config.options.parsed().input;
    let mut tally = RouteTally::new(known::read(out));
    let mut played = 0;
    for batch in inputs.chunks(BATCH).take_while(|_| Instant::now() < deadline) {
        let bytes: Vec<&[u8]> = batch.iter().map(Vec::as_slice).collect();
        let answered = config.run_batch(&bytes, on_input)?.answers;
        for (input, answers) in bytes.iter().zip(answered) {
            tally.add(&exchanges(&Session::of_input(input, format), &answers.unwrap_or_default()));
        }
        played += batch.len();
    }
    Ok(tally.summary(played, inputs.len()))
}
