//! Series for the plots of a report: one line for each instance.

use indicatif::HumanCount;

use super::data::CampaignReport;
use super::instances::{ReportSample, ReportedInstance};

/// Maximum number of points of a line: more would not be seen.
const MAX_POINTS: usize = 300;

/// Data of one plot.
#[derive(Debug, Clone, PartialEq)]
pub struct PlotData {
    /// Identifier in the page.
    pub id: &'static str,
    /// What is plotted, with its unit.
    pub title: &'static str,
    /// What the values are, where that is not obvious.
    pub description: &'static str,
    /// Range of the values.
    pub range: PlotRange,
    /// Whether a value holds until the next point, instead of changing evenly.
    pub is_stepped: bool,
    /// The lines.
    pub lines: Vec<PlotLine>,
}

/// Range of the values of a plot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlotRange {
    /// From zero to the maximum.
    FromZero,
    /// Around the values, up to 100 percent.
    UpToHundred,
}

/// Line of one instance.
#[derive(Debug, Clone, PartialEq)]
pub struct PlotLine {
    /// Name of the instance.
    pub name: String,
    /// Fuzzing time in seconds, and the value.
    pub points: Vec<(f64, f64)>,
}

impl PlotData {
    /// Returns the last value of each line as text.
    #[must_use]
    pub fn last_values(&self) -> String {
        let last = self.lines.iter().filter_map(|line| {
            let (_, value) = line.points.last()?;
            let value = match self.range {
                PlotRange::FromZero => HumanCount(value.round() as u64).to_string(),
                PlotRange::UpToHundred => format!("{value:.2} %"),
            };
            Some(format!("{} {value}", line.name))
        });
        last.collect::<Vec<_>>().join(", ")
    }
}

/// Returns the plots of a report. A plot without data has no lines.
#[must_use]
pub fn of_report(report: &CampaignReport) -> Vec<PlotData> {
    let plot =
        |id, title, description, range, is_stepped, line: &dyn Fn(&ReportedInstance) -> Vec<(f64, f64)>| {
            let lines = report
                .instances
                .iter()
                .map(|instance| PlotLine { name: instance.name.clone(), points: line(instance) });
            let lines = lines.filter(|line| !line.points.is_empty()).collect();
            PlotData { id, title, description, range, is_stepped, lines }
        };
    let values = |value: fn(&ReportSample) -> Option<f64>| {
        move |instance: &ReportedInstance| {
            thinned(instance.samples.iter().filter_map(|it| Some((it.run_time_s, value(it)?))).collect())
        }
    };
    vec![
        plot(
            "executions",
            "Executions",
            "since the start of the campaign",
            PlotRange::FromZero,
            false,
            &|instance| executions(instance),
        ),
        plot(
            "speed",
            "Executions per second",
            "mean between two points in time",
            PlotRange::FromZero,
            false,
            &|instance| rates(&executions(instance)),
        ),
        plot(
            "edges",
            "Coverage in edges",
            "as AFL++ counts them",
            PlotRange::FromZero,
            false,
            &values(|it| it.edges.map(|edges| edges as f64)),
        ),
        plot(
            "findings",
            "Findings",
            "inputs saved as crashes or hangs",
            PlotRange::FromZero,
            true,
            &|instance| findings(report, instance),
        ),
        plot(
            "stability",
            "Stability in percent",
            "coverage that repeated runs of an input reproduce",
            PlotRange::UpToHundred,
            false,
            &values(|it| it.stability),
        ),
    ]
}

/// Executions over time. A campaign begins with none.
fn executions(instance: &ReportedInstance) -> Vec<(f64, f64)> {
    let samples = instance.samples.iter().filter_map(|it| Some((it.run_time_s, it.executions? as f64)));
    let points: Vec<_> = [(0.0, 0.0)].into_iter().chain(samples.filter(|(time, _)| *time > 0.0)).collect();
    if points.len() > 1 { thinned(points) } else { Vec::new() }
}

/// Returns the mean rate between each point and the one before it.
fn rates(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let rate = |pair: &[(f64, f64)]| {
        let [(from, before), (to, after)] = pair else { return None };
        // An instance that began again counts from zero.
        (to > from && after >= before).then(|| (*to, (after - before) / (to - from)))
    };
    points.windows(2).filter_map(rate).collect()
}

/// Number of saved inputs over time, from none to all until now.
fn findings(report: &CampaignReport, instance: &ReportedInstance) -> Vec<(f64, f64)> {
    let files = report.saved_files.iter().filter(|file| file.instance == instance.name);
    let times = files.filter_map(|file| file.time_ms).map(|time| time as f64 / 1000.0);
    let mut points: Vec<_> =
        [0.0].into_iter().chain(times).zip(0..).map(|(t, n)| (t, f64::from(n))).collect();
    let last = points.last().map_or(0.0, |(_, count)| *count);
    points.push((instance.run_time_s as f64, last));
    thinned(points)
}

/// Leaves out points evenly, but keeps the first and the last.
fn thinned(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let step = points.len().div_ceil(MAX_POINTS).max(1);
    let last = points.len().saturating_sub(1);
    let is_kept = |index: usize| index.is_multiple_of(step) || index == last;
    points.into_iter().enumerate().filter(|(index, _)| is_kept(*index)).map(|(_, point)| point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_means_between_points() {
        assert_eq!(
            rates(&[(0.0, 0.0), (2.0, 10.0), (2.0, 10.0), (4.0, 3.0), (5.0, 4.0)]),
            [(2.0, 5.0), (5.0, 1.0)]
        );
        assert_eq!(rates(&[(0.0, 0.0)]), []);
    }

    #[test]
    fn thinned_lines_keep_their_ends() {
        let points: Vec<_> = (0..1000).map(|n| (f64::from(n), 0.0)).collect();
        let thinned = thinned(points.clone());
        assert!(thinned.len() <= MAX_POINTS + 1, "{}", thinned.len());
        assert_eq!((thinned.first(), thinned.last()), (points.first(), points.last()));
    }
}
