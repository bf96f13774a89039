//! `sockfuzz report`: a campaign as a page, as text or as data.

use std::io::{Write, stdout};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::campaign::record::CampaignRecord;
use crate::report::data::CampaignReport;
use crate::report::html::{self, PagePlace};
use crate::report::live_server;
use crate::report::{json, junit, markdown, report_file, sarif};
use crate::util::exit_code;

/// Shown below the help text.
pub const EXAMPLES: &str = "\
Examples:
  sockfuzz report out                               writes out/report.html, and prints its path
  sockfuzz report --format markdown -o - out        prints the report
  sockfuzz report --format sarif -o findings.sarif out
  sockfuzz report --format junit -o junit.xml out    for GitLab, Jenkins, …
  sockfuzz report --serve 127.0.0.1:8080 out        while the campaign runs; Ctrl-C ends it
  sockfuzz report --schema                          JSON Schema of --format json

The page needs no network and no JavaScript; with it, tables can be sorted. The findings are those of sockfuzz \
triage; before a triage, they are the files that AFL++ saved. A file that is not an earlier report is never \
overwritten. JUnit and SARIF tell what is new: what was not in OUT when its campaign was last started.

Exit status: 0 when the report is written, or the server was stopped by Ctrl-C; 1 when OUT is no output \
directory of a campaign, or the file cannot be written.";

/// Format of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// A page for a browser
    Html,
    /// Text for issues and logs
    Markdown,
    /// Everything, by the schema that --schema prints
    Json,
    /// The findings in SARIF 2.1.0
    Sarif,
    /// The findings as tests, in the XML of JUnit: new ones have failed, known ones are skipped
    Junit,
}

/// Arguments of `report`.
#[derive(Debug, Args)]
pub struct ReportArguments {
    /// Output directory of a campaign, which may be running
    #[arg(value_name = "OUT", default_value = "out")]
    pub out: PathBuf,
    /// Format of the report
    #[arg(long, value_enum, default_value_t = ReportFormat::Html)]
    pub format: ReportFormat,
    /// File for the report, - for stdout [default: report.html, .md, .json, .sarif or .junit.xml in OUT]
    #[arg(short, long = "output", value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Serve the page and /report.json on this loopback address, up to date at each request
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        conflicts_with_all = ["format", "output"],
        value_parser = live_server::loopback_address
    )]
    pub serve: Option<SocketAddr>,
    /// Print the JSON Schema of --format json, and nothing else
    #[arg(long, conflicts_with_all = ["format", "output", "serve", "out"])]
    pub schema: bool,
}

/// Writes or serves the report.
///
/// # Errors
/// A directory of no campaign, or a file that cannot be written.
pub fn run(arguments: &ReportArguments) -> Result<u8> {
    if arguments.schema {
        print(&json::schema()?)?;
        return Ok(exit_code::OK);
    }
    if let Some(address) = arguments.serve {
        CampaignRecord::require(&arguments.out)?;
        live_server::serve(&arguments.out, address, |address| println!("http://{address}/"))?;
        return Ok(exit_code::OK);
    }
    let report = CampaignReport::collect(&arguments.out)?;
    let own = arguments.out.join(arguments.format.file_name());
    let path = arguments.output.as_deref().unwrap_or(&own);
    let text = arguments.format.render(&report, place(path, &arguments.out))?;
    if path == Path::new("-") {
        print(&text)?;
    } else {
        report_file::write(path, &text)?;
        println!("{}", path.display());
    }
    Ok(exit_code::OK)
}

impl ReportFormat {
    fn file_name(self) -> &'static str {
        match self {
            Self::Html => "report.html",
            Self::Markdown => "report.md",
            Self::Json => "report.json",
            Self::Sarif => "report.sarif",
            Self::Junit => "report.junit.xml",
        }
    }

    fn render(self, report: &CampaignReport, place: PagePlace) -> Result<String> {
        match self {
            Self::Html => html::render(report, place),
            Self::Markdown => Ok(markdown::render(report)),
            Self::Json => json::render(report),
            Self::Sarif => sarif::render(report),
            Self::Junit => junit::render(report),
        }
    }
}

/// Returns where the page is: links to files work only within the output directory.
fn place(file: &Path, out: &Path) -> PagePlace {
    let directory = file.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
    match (directory.canonicalize(), out.canonicalize()) {
        (Ok(directory), Ok(out)) if directory == out && file != Path::new("-") => PagePlace::OutputDirectory,
        _ => PagePlace::Elsewhere,
    }
}

fn print(text: &str) -> Result<()> {
    let mut out = stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}
