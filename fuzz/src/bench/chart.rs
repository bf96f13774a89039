//! Bar chart of the medians, with lines from the slowest to the fastest round.

use anyhow::{Result, anyhow};
use plotters::prelude::*;

use super::rounds::CaseResults;
use super::statistics::{median, range};

const WIDTH_PX: u32 = 900;
/// Height of one bar and the space around it.
const BAR_HEIGHT_PX: u32 = 22;
const MARGINS_PX: u32 = 110;
/// Width of the area for the names.
const NAMES_PX: u32 = 250;

/// Values of one bar.
struct Bar<'a> {
    name: &'a str,
    median: f64,
    range: (f64, f64),
}

/// Draws the chart as SVG. Returns `None` if nothing was measured.
///
/// # Errors
/// When the plotting library fails.
pub fn draw(all: &[CaseResults]) -> Result<Option<String>> {
    let bars: Vec<Bar<'_>> = all
        .iter()
        .filter_map(|series| {
            let rates = series.rates();
            Some(Bar { name: &series.name, median: median(&rates)?, range: range(&rates)? })
        })
        .collect();
    let Some(most) = bars.iter().map(|bar| bar.range.1).reduce(f64::max) else { return Ok(None) };
    let mut text = String::new();
    draw_bars(&bars, most, &mut text).map_err(|error| anyhow!("the chart cannot be drawn: {error}"))?;
    Ok(Some(text))
}

fn draw_bars(bars: &[Bar<'_>], most: f64, text: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let count = bars.len() as i32;
    let area = SVGBackend::with_string(text, (WIDTH_PX, BAR_HEIGHT_PX * bars.len() as u32 + MARGINS_PX))
        .into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption("executions per second, on one core", ("sans-serif", 18))
        .margin(15)
        .x_label_area_size(30)
        .y_label_area_size(NAMES_PX)
        // The cases are in the order of the table, from top to bottom.
        .build_cartesian_2d(0.0..most * 1.05, (0..count - 1).into_segmented())?;
    let name = |position: &SegmentValue<i32>| match position {
        SegmentValue::CenterOf(index) => {
            bars.get((count - 1 - index) as usize).map(|bar| bar.name.to_owned()).unwrap_or_default()
        }
        _ => String::new(),
    };
    chart
        .configure_mesh()
        .disable_y_mesh()
        .y_labels(bars.len())
        .y_label_formatter(&name)
        .x_label_formatter(&|rate| format!("{rate:.0}"))
        .label_style(("sans-serif", 13))
        .draw()?;
    chart.draw_series(bars.iter().enumerate().map(|(index, bar)| {
        let place = count - 1 - index as i32;
        let mut bar = Rectangle::new(
            [(0.0, SegmentValue::Exact(place)), (bar.median, SegmentValue::Exact(place + 1))],
            BLUE.mix(0.5).filled(),
        );
        bar.set_margin(4, 4, 0, 0);
        bar
    }))?;
    chart.draw_series(bars.iter().enumerate().map(|(index, bar)| {
        let place = SegmentValue::CenterOf(count - 1 - index as i32);
        PathElement::new([(bar.range.0, place.clone()), (bar.range.1, place)], BLACK.stroke_width(2))
    }))?;
    area.present()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::measurement::Measurement;

    #[test]
    fn the_chart_names_every_case() {
        let series = |name: &str, per_second| CaseResults {
            name: name.to_owned(),
            measurements: vec![Measurement {
                executions: 1,
                per_second,
                stability: None,
                warnings: Vec::new(),
            }],
            failure: None,
        };
        let names = ["one/unix/direct", "two", "three"];
        let all: Vec<_> = names.iter().zip(1..).map(|(name, rate)| series(name, f64::from(rate))).collect();
        let text = draw(&all).expect("drawn").expect("something to draw");
        assert!(text.starts_with("<svg"), "{text}");
        for name in names {
            assert!(text.contains(name), "{name} in {text}");
        }
        assert_eq!(draw(&[]).expect("nothing to draw"), None);
    }
}
