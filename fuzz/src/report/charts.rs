//! Plots of a report as SVG. The colours in the SVG are those of the light theme; the page's style sheet selects
//! elements by them, and replaces them in the dark theme.

use anyhow::{Result, anyhow};
use plotters::prelude::*;

use super::series::{PlotData, PlotLine, PlotRange};

/// Colours of the lines, one for each instance, and again from the first.
pub const LINE_COLOURS: [RGBColor; 6] = [
    RGBColor(0x0A, 0x58, 0xB8),
    RGBColor(0xB0, 0x40, 0x00),
    RGBColor(0x1A, 0x75, 0x3C),
    RGBColor(0x8A, 0x2B, 0x92),
    RGBColor(0x8F, 0x1D, 0x3F),
    RGBColor(0x4B, 0x5A, 0x68),
];

/// Colour of text and axes.
const INK: RGBColor = RGBColor(0x1B, 0x1F, 0x24);
/// Colour of the grid.
const GRID: RGBColor = RGBColor(0xD5, 0xDB, 0xE1);

const WIDTH_PX: u32 = 520;
const HEIGHT_PX: u32 = 260;
const FONT: (&str, u32) = ("sans-serif", 18);
/// Width of the area for the labels of the values.
const LABELS_WIDTH_PX: u32 = 60;
/// Height of the area for the labels of the times.
const LABELS_HEIGHT_PX: u32 = 50;

/// Largest number of points that are marked: a longer line shows its shape without marks.
const MAX_MARKS: usize = 40;

/// Lowest stability in percent at which the axis begins if all values are above it.
const STABILITY_FLOOR: f64 = 95.0;

/// Draws a plot as SVG, labelled by the element `label` of the page. Returns `None` without data.
///
/// # Errors
/// When the plotting library fails.
pub fn draw(plot: &PlotData, label: &str) -> Result<Option<String>> {
    if plot.lines.is_empty() {
        return Ok(None);
    }
    let mut text = String::new();
    draw_lines(plot, &mut text).map_err(|error| anyhow!("the plot cannot be drawn: {error}"))?;
    let head = format!("<svg role=\"img\" aria-labelledby=\"{label}\" ");
    Ok(Some(text.replacen("<svg ", &head, 1)))
}

fn draw_lines(plot: &PlotData, text: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let (seconds, unit) = time_unit(plot);
    let end = points(plot).map(|(time, _)| time).fold(0.0, f64::max).max(seconds) / seconds;
    let (low, high) = value_range(plot);
    let area = SVGBackend::with_string(text, (WIDTH_PX, HEIGHT_PX)).into_drawing_area();
    let mut chart = ChartBuilder::on(&area)
        .margin(8)
        .margin_right(24)
        .x_label_area_size(LABELS_HEIGHT_PX)
        .y_label_area_size(LABELS_WIDTH_PX)
        .build_cartesian_2d(0.0..end, low..high)?;
    chart
        .configure_mesh()
        .x_labels(6)
        .y_labels(5)
        .x_desc(format!("fuzzing time in {unit}"))
        .x_label_formatter(&|time| short_number(*time))
        .y_label_formatter(&|value| short_number(*value))
        .label_style(FONT.into_font().color(&INK))
        .axis_desc_style(FONT.into_font().color(&INK))
        .axis_style(INK.stroke_width(1))
        .bold_line_style(GRID.stroke_width(1))
        .light_line_style(TRANSPARENT)
        .draw()?;
    for (line, colour) in plot.lines.iter().zip(LINE_COLOURS.iter().cycle()) {
        let scaled = line.points.iter().map(|(time, value)| (time / seconds, *value));
        let path: Vec<_> = if plot.is_stepped { stepped(scaled.clone()) } else { scaled.clone().collect() };
        if is_marked(plot, line) {
            chart.draw_series(scaled.map(|point| Circle::new(point, 2, colour.filled())))?;
        }
        chart.draw_series([PathElement::new(path, colour.stroke_width(2))])?;
    }
    area.present()?;
    Ok(())
}

/// Whether the points of a line are marked. A single point is no line, and would not be seen.
fn is_marked(plot: &PlotData, line: &PlotLine) -> bool {
    !plot.is_stepped && line.points.len() <= MAX_MARKS
}

fn points(plot: &PlotData) -> impl Iterator<Item = (f64, f64)> {
    plot.lines.iter().flat_map(|line| line.points.iter().copied())
}

/// Returns the unit for the time axis: its length in seconds, and its name.
fn time_unit(plot: &PlotData) -> (f64, &'static str) {
    match points(plot).map(|(time, _)| time).fold(0.0, f64::max) {
        ..300.0 => (1.0, "seconds"),
        ..10_800.0 => (60.0, "minutes"),
        _ => (3600.0, "hours"),
    }
}

fn value_range(plot: &PlotData) -> (f64, f64) {
    let values = || points(plot).map(|(_, value)| value);
    match plot.range {
        PlotRange::FromZero => (0.0, (values().fold(0.0, f64::max) * 1.05).max(1.0)),
        PlotRange::UpToHundred => {
            (values().fold(STABILITY_FLOOR, |low, value| low.min((value - 1.0).floor())).max(0.0), 100.0)
        }
    }
}

/// Returns a path in which each value holds until the next point.
fn stepped(points: impl Iterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
    let mut path: Vec<(f64, f64)> = Vec::new();
    for (time, value) in points {
        if let Some((_, before)) = path.last().copied() {
            path.push((time, before));
        }
        path.push((time, value));
    }
    path
}

/// Returns a number for an axis, with the prefix of its unit where it is large.
fn short_number(value: f64) -> String {
    let (scaled, prefix) = match value.abs() {
        ..10_000.0 => (value, ""),
        ..1e6 => (value / 1e3, "k"),
        ..1e9 => (value / 1e6, "M"),
        _ => (value / 1e9, "G"),
    };
    let digits = usize::from(scaled.fract().abs() > 0.04 && scaled.abs() < 100.0);
    format!("{scaled:.digits$}{prefix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(name: &str, points: &[(f64, f64)]) -> PlotData {
        PlotData {
            id: "x",
            title: "X",
            description: "",
            range: PlotRange::FromZero,
            is_stepped: false,
            lines: vec![PlotLine { name: name.to_owned(), points: points.to_vec() }],
        }
    }

    #[test]
    fn lines_of_any_length_are_drawn() {
        for points in
            [&[(0.0, 0.0)][..], &[(5.0, 7.0)], &[(0.0, 0.0), (0.0, 0.0)], &[(1.0, 1e12), (4e5, 2e12)]]
        {
            let svg = draw(&plot("main", points), "label").expect("drawn").expect("data");
            assert!(svg.starts_with("<svg role=\"img\" aria-labelledby=\"label\" "), "{svg}");
            assert!(svg.contains("#0A58B8") && svg.contains("fuzzing time in"), "{svg}");
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
        let empty = PlotData { lines: Vec::new(), ..plot("main", &[]) };
        assert_eq!(draw(&empty, "label").expect("nothing to draw"), None);
    }

    #[test]
    fn the_stability_axis_shows_small_differences() {
        let plot = |value| PlotData { range: PlotRange::UpToHundred, ..plot("main", &[(1.0, value)]) };
        assert_eq!(value_range(&plot(99.9)), (95.0, 100.0));
        assert_eq!(value_range(&plot(80.5)), (79.0, 100.0));
    }

    #[test]
    fn large_numbers_are_short() {
        assert_eq!(
            [0.0, 0.5, 9_999.0, 871_759.0, 1.25e7].map(short_number),
            ["0", "0.5", "9999", "872k", "12.5M"]
        );
    }

    #[test]
    fn a_step_holds_its_value() {
        assert_eq!(stepped([(0.0, 0.0), (2.0, 1.0)].into_iter()), [(0.0, 0.0), (2.0, 0.0), (2.0, 1.0)]);
    }
}
