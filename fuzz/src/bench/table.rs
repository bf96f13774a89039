//! Tables of cases and targets in Markdown, with failures and warnings.

use indicatif::HumanCount;
use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Style};

use super::goals::Goal;
use super::names::EMPTY;
use super::rounds::CaseResults;
use super::statistics::{median, ratio, spread};

/// Placeholder where nothing was measured.
const NO_VALUE: &str = "–";

/// Prints everything to stdout, and returns the number of targets that were missed.
#[must_use]
pub fn print(all: &[CaseResults], goals: &[Goal], missing: &[String]) -> usize {
    println!("{}\n", cases(all));
    let outcomes: Vec<_> = goals.iter().map(|goal| (goal, measured(goal, all))).collect();
    println!("{}", targets(&outcomes));
    let failures =
        all.iter().filter_map(|series| Some(format!("{}: {}", series.name, series.failure.as_ref()?)));
    let warnings = all
        .iter()
        .flat_map(|series| series.warnings().into_iter().map(|text| format!("{}: {text}", series.name)));
    let needs = missing.iter().map(|what| format!("not measured: {what}"));
    for line in failures.chain(warnings).chain(needs) {
        println!("- {line}");
    }
    outcomes.iter().filter(|(goal, ratio)| ratio.is_some_and(|ratio| ratio < goal.at_least)).count()
}

fn rates(all: &[CaseResults], name: &str) -> Vec<f64> {
    all.iter().find(|series| series.name == name).map(CaseResults::rates).unwrap_or_default()
}

fn measured(goal: &Goal, all: &[CaseResults]) -> Option<f64> {
    ratio(&rates(all, &goal.of), &rates(all, &goal.against))
}

fn cases(all: &[CaseResults]) -> String {
    let empty = rates(all, EMPTY);
    let mut table = Builder::new();
    table.push_record(["case", "per second", "spread", &format!("to {EMPTY}"), "stability"]);
    for series in all {
        let rates = series.rates();
        let stability = series.measurements.iter().filter_map(|measurement| measurement.stability);
        table.push_record([
            series.name.clone(),
            or_none(median(&rates), |rate| HumanCount(rate as u64).to_string()),
            or_none(spread(&rates), |spread| format!("{:.0} %", spread * 100.0)),
            or_none(ratio(&rates, &empty), |ratio| format!("{ratio:.2}")),
            or_none(stability.reduce(f64::min), |least| format!("{least:.2} %")),
        ]);
    }
    markdown(table, 1)
}

fn targets(outcomes: &[(&Goal, Option<f64>)]) -> String {
    let mut table = Builder::new();
    table.push_record(["what", "against", "at least", "measured", "met"]);
    for (goal, ratio) in outcomes {
        table.push_record([
            goal.of.clone(),
            goal.against.clone(),
            format!("{:.2}", goal.at_least),
            or_none(*ratio, |ratio| format!("{ratio:.2}")),
            or_none(*ratio, |ratio| if ratio >= goal.at_least { "yes" } else { "NO" }.to_owned()),
        ]);
    }
    markdown(table, 2)
}

fn or_none(value: Option<f64>, shown: impl Fn(f64) -> String) -> String {
    value.map_or_else(|| NO_VALUE.to_owned(), shown)
}

/// Formats a table in Markdown. Columns from number `figures` on are aligned to the right.
fn markdown(table: Builder, figures: usize) -> String {
    let mut table = table.build();
    table.with(Style::markdown());
    table.modify(Columns::new(figures..), Alignment::right());
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::measurement::Measurement;

    fn series(name: &str, rates: &[f64]) -> CaseResults {
        let measurement = |&per_second: &f64| Measurement {
            executions: 1,
            per_second,
            stability: Some(99.5),
            warnings: Vec::new(),
        };
        let measurements = rates.iter().map(measurement).collect();
        CaseResults { name: name.to_owned(), measurements, failure: None }
    }

    fn goal(at_least: f64) -> Goal {
        Goal { of: "a".to_owned(), against: EMPTY.to_owned(), at_least }
    }

    #[test]
    fn only_measured_targets_can_be_missed() {
        let all = [series(EMPTY, &[100.0, 200.0]), series("a", &[110.0, 220.0])];
        assert_eq!(print(&all, &[goal(1.0)], &[]), 0);
        assert_eq!(print(&all, &[goal(1.2)], &[]), 1);
        assert_eq!(print(&all[..1], &[goal(1.2)], &[]), 0);
    }

    #[test]
    fn a_case_shows_its_median_and_its_ratio() {
        let text = cases(&[series(EMPTY, &[100.0, 200.0]), series("a", &[150.0, 300.0])]);
        let line = text.lines().find(|line| line.starts_with("| a ")).expect("a line");
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        assert_eq!(cells[1..6], ["a", "225", "67 %", "1.50", "99.50 %"]);
    }
}
