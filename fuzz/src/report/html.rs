//! Report as one HTML page that needs nothing else: no network, no script to be readable.

use std::time::Duration;

use anyhow::{Context, Result};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use indicatif::HumanCount;
use minijinja::value::Serde;
use minijinja::{Environment, Value, context, escape_formatter};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::charts::{self, LINE_COLOURS};
use super::data::CampaignReport;
use super::series;
use super::text::{duration, uri_path, visible_text};

/// Template of the page. Its name makes minijinja escape every value.
const TEMPLATE: (&str, &str) = ("page.html", include_str!("page/page.html"));
const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/sort.js");

/// Maximum number of saved files that a page lists.
const MAX_FILES: usize = 500;

/// Maximum number of routes that a page lists.
const MAX_ROUTES: usize = 500;

/// Where a page is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PagePlace {
    /// In the output directory: links to its files work.
    OutputDirectory,
    /// In another directory.
    Elsewhere,
    /// In a browser, from `--serve`. With an interval, the page reloads itself.
    Live(Option<Duration>),
}

/// Plot of the page.
#[derive(Debug, Serialize)]
struct PagePlot {
    id: &'static str,
    title: &'static str,
    description: &'static str,
    last: String,
    svg: Option<String>,
    lines: Vec<LegendEntry>,
}

/// Line in the legend of a plot.
#[derive(Debug, Serialize)]
struct LegendEntry {
    name: String,
    colour: String,
}

/// Returns the Content-Security-Policy of a page: its own style and script, and nothing else.
#[must_use]
pub fn policy() -> String {
    let hash = |text: &str| BASE64_STANDARD.encode(Sha256::digest(text.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

/// Renders the page.
///
/// # Errors
/// When the template or the plotting library fails.
pub fn render(report: &CampaignReport, place: PagePlace) -> Result<String> {
    let plots = series::of_report(report).into_iter().map(|plot| {
        let legend = plot.lines.iter().zip(LINE_COLOURS.iter().cycle()).map(|(line, colour)| LegendEntry {
            name: line.name.clone(),
            colour: format!("#{:02X}{:02X}{:02X}", colour.0, colour.1, colour.2),
        });
        Ok(PagePlot {
            id: plot.id,
            title: plot.title,
            description: plot.description,
            last: plot.last_values(),
            svg: charts::draw(&plot, &format!("plot-{}", plot.id))?,
            lines: legend.collect(),
        })
    });
    let reload = match place {
        PagePlace::Live(interval) => interval,
        _ => None,
    };
    environment()?
        .get_template(TEMPLATE.0)?
        .render(context! {
            report => Value::from(Serde(report)),
            plots => Value::from(Serde(plots.collect::<Result<Vec<_>>>()?)),
            policy => policy(),
            style => STYLE,
            script => SCRIPT,
            has_links => place == PagePlace::OutputDirectory,
            is_live => matches!(place, PagePlace::Live(_)),
            reload_seconds => reload.map(|interval| interval.as_secs()),
            max_files => MAX_FILES,
            max_routes => MAX_ROUTES,
        })
        .context("the page cannot be rendered")
}

fn environment() -> Result<Environment<'static>> {
    let mut environment = Environment::new();
    // Values are escaped when they are collected; one that was forgotten is escaped here.
    environment.set_formatter(|out, state, value| match value.as_str() {
        Some(text) if !value.is_safe() => escape_formatter(out, state, &Value::from(&*visible_text(text))),
        _ => escape_formatter(out, state, value),
    });
    environment.add_filter("count", |number: f64| HumanCount(number.round() as u64).to_string());
    environment.add_filter("decimals", |number: f64, digits: usize| format!("{number:.digits$}"));
    environment.add_filter("duration", |ms: u64| duration(Duration::from_millis(ms)));
    environment.add_filter("link", |path: &str| link(path));
    environment.add_filter("shell", |word: &str| shell_words::quote(word).into_owned());
    environment.add_filter("words", |name: &str| name.to_lowercase().replace('_', " "));
    environment.add_template(TEMPLATE.0, TEMPLATE.1).context("the template of the page is invalid")?;
    Ok(environment)
}

/// Returns a link to a file of the output directory, relative to the page in it.
fn link(path: &str) -> String {
    format!("./{}", uri_path(path))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// Pairs of a foreground and a background, and the lowest ratio of their contrast (WCAG 2.2, 1.4.3 and 1.4.11).
    const PAIRS: [(&str, &str, f64); 17] = [
        ("ink", "page", 4.5),
        ("ink", "panel", 4.5),
        ("muted", "page", 4.5),
        ("muted", "panel", 4.5),
        ("link", "page", 4.5),
        ("link", "panel", 4.5),
        ("warning", "page", 4.5),
        ("warning", "panel", 4.5),
        ("edge", "page", 3.0),
        ("edge", "panel", 3.0),
        ("line-1", "page", 3.0),
        ("line-2", "page", 3.0),
        ("line-3", "page", 3.0),
        ("line-4", "page", 3.0),
        ("line-5", "page", 3.0),
        ("line-6", "page", 3.0),
        ("page", "link", 3.0),
    ];

    /// Returns the variables of the `number`th `:root` in the style sheet.
    fn colours(number: usize) -> HashMap<&'static str, [f64; 3]> {
        let block =
            STYLE.split(":root {").nth(number).and_then(|rest| rest.split('}').next()).expect("a block");
        let variables = block.split(';').filter_map(|line| line.trim().strip_prefix("--")?.split_once(": #"));
        let channel =
            |text: &str, at| f64::from(u8::from_str_radix(&text[at..at + 2], 16).expect("hex")) / 255.0;
        variables.map(|(name, hex)| (name, [0, 2, 4].map(|at| channel(hex, at)))).collect()
    }

    /// Returns the relative luminance (WCAG 2.2).
    fn luminance(colour: [f64; 3]) -> f64 {
        let linear = |c: f64| if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) };
        let [red, green, blue] = colour.map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    #[test]
    fn contrast_suffices_in_both_themes() {
        for theme in [1, 2] {
            let colours = colours(theme);
            for (front, back, least) in PAIRS {
                let (front_light, back_light) = (luminance(colours[front]), luminance(colours[back]));
                let ratio = (front_light.max(back_light) + 0.05) / (front_light.min(back_light) + 0.05);
                assert!(ratio >= least, "theme {theme}: {front} on {back} has {ratio:.2}, not {least}");
            }
        }
    }

    #[test]
    fn every_colour_of_a_plot_has_one_in_the_dark_theme() {
        for colour in LINE_COLOURS {
            let hex = format!("#{:02X}{:02X}{:02X}", colour.0, colour.1, colour.2);
            for attribute in ["stroke", "fill"] {
                assert!(STYLE.contains(&format!("[{attribute}=\"{hex}\"]")), "{attribute} {hex}");
            }
        }
    }

    #[test]
    fn the_template_is_valid() {
        environment().expect("valid");
    }
}
