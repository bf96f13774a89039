//! Rounds of measurements. Each round measures every case once, alternately forwards and backwards, so that
//! no case always follows the same one.

use std::time::Instant;

use indicatif::{HumanCount, HumanDuration};

use super::case::{BenchCase, BenchTools};
use super::measurement::Measurement;
use crate::util::interrupt::Interrupted;

/// All measurements of a case.
#[derive(Debug)]
pub struct CaseResults {
    /// Name of the case.
    pub name: String,
    /// One for each round.
    pub measurements: Vec<Measurement>,
    /// Error that ended the measurements of the case.
    pub failure: Option<String>,
}

impl CaseResults {
    /// Returns the executions per second, one figure for each round.
    #[must_use]
    pub fn rates(&self) -> Vec<f64> {
        self.measurements.iter().map(|measurement| measurement.per_second).collect()
    }

    /// Returns the warnings of the last round. Those of other rounds only differ in their figures.
    #[must_use]
    pub fn warnings(&self) -> Vec<&str> {
        self.measurements
            .last()
            .into_iter()
            .flat_map(|measurement| measurement.warnings.iter().map(|warning| &**warning))
            .collect()
    }
}

/// Result of all rounds.
#[derive(Debug)]
pub struct RoundsResult {
    /// One for each case, in their order.
    pub series: Vec<CaseResults>,
    /// The signal, if the user interrupted.
    pub interrupted: Option<Interrupted>,
}

/// Measures the cases, with progress on stderr. A case that fails is not measured again.
#[must_use]
pub fn run(cases: &[BenchCase], tools: &BenchTools<'_>, executions: u64, rounds: u32) -> RoundsResult {
    let fresh =
        |case: &BenchCase| CaseResults { name: case.name.clone(), measurements: Vec::new(), failure: None };
    let mut result = RoundsResult { series: cases.iter().map(fresh).collect(), interrupted: None };
    let all = cases.len() * rounds as usize;
    let start = Instant::now();
    let mut done = 0;
    for round in 0..rounds {
        let mut order: Vec<usize> = (0..cases.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for index in order {
            let series = &mut result.series[index];
            done += 1;
            if series.failure.is_some() {
                continue;
            }
            let progress = match cases[index].measure(tools, executions, round) {
                Ok(measurement) => {
                    let rate = HumanCount(measurement.per_second as u64).to_string();
                    series.measurements.push(measurement);
                    format!("{rate} per second")
                }
                Err(error) => {
                    if let Some(interrupted) = error.downcast_ref::<Interrupted>() {
                        result.interrupted = Some(*interrupted);
                        return result;
                    }
                    series.failure = Some(format!("{error:#}"));
                    format!("failed: {error:#}")
                }
            };
            let left = start.elapsed() / done * (all as u32 - done);
            eprintln!("sockfuzz: {done}/{all} {}: {progress} ({} left)", series.name, HumanDuration(left));
        }
    }
    result
}
