//! The rounds: every case once in each, in turns from either end, so that none always follows the same
//! one.

use std::time::Instant;

use indicatif::{HumanCount, HumanDuration};

use super::case::{Case, Measurement, Tools};
use crate::interrupt::Interrupted;

/// A case, and what was measured of it so far.
#[derive(Debug)]
pub struct Series {
    /// Name of the case.
    pub name: String,
    /// One for each round.
    pub measurements: Vec<Measurement>,
    /// Why there are no more.
    pub failure: Option<String>,
}

impl Series {
    /// Executions per second, one figure for each round.
    #[must_use]
    pub fn rates(&self) -> Vec<f64> {
        self.measurements.iter().map(|measurement| measurement.per_second).collect()
    }

    /// Warnings of the last round: they say the same in every one, with other figures.
    #[must_use]
    pub fn warnings(&self) -> Vec<&str> {
        self.measurements
            .last()
            .into_iter()
            .flat_map(|measurement| measurement.warnings.iter().map(|warning| &**warning))
            .collect()
    }
}

/// What came of all rounds.
#[derive(Debug)]
pub struct Course {
    /// One for each case, in their order.
    pub series: Vec<Series>,
    /// The user did not wait for the last round.
    pub interrupted: Option<Interrupted>,
}

/// Measures the cases; says on stderr how far it is. A case that fails is not tried again.
#[must_use]
pub fn run(cases: &[Case], tools: &Tools<'_>, executions: u64, rounds: u32) -> Course {
    let fresh = |case: &Case| Series { name: case.name.clone(), measurements: Vec::new(), failure: None };
    let mut course = Course { series: cases.iter().map(fresh).collect(), interrupted: None };
    let all = cases.len() * rounds as usize;
    let start = Instant::now();
    let mut done = 0;
    for round in 0..rounds {
        let mut order: Vec<usize> = (0..cases.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for index in order {
            let series = &mut course.series[index];
            done += 1;
            if series.failure.is_some() {
                continue;
            }
            let told = match cases[index].measure(tools, executions) {
                Ok(measurement) => {
                    let rate = HumanCount(measurement.per_second as u64).to_string();
                    series.measurements.push(measurement);
                    format!("{rate} per second")
                }
                Err(error) => {
                    if let Some(interrupted) = error.downcast_ref::<Interrupted>() {
                        course.interrupted = Some(*interrupted);
                        return course;
                    }
                    series.failure = Some(format!("{error:#}"));
                    format!("failed: {error:#}")
                }
            };
            let left = start.elapsed() / done * (all as u32 - done);
            eprintln!("sockfuzz: {done}/{all} {}: {told} ({} left)", series.name, HumanDuration(left));
        }
    }
    course
}
