//! Report in Markdown, for issues and logs.

use std::fmt::Write;
use std::time::Duration;

use indicatif::HumanCount;

use super::bugs::ReportedBug;
use super::data::CampaignReport;
use super::markdown_text::{block, code, escaped, table};
use super::series;
use super::text::duration;
use crate::routes::summary::RouteSummary;

/// Maximum number of saved files that are listed.
const MAX_FILES: usize = 50;

/// Maximum number of routes that are listed.
const MAX_ROUTES: usize = 100;

/// Renders the report. What comes from inputs is code, or has its special characters escaped.
#[must_use]
pub fn render(report: &CampaignReport) -> String {
    let mut text =
        format!("<!-- {} -->\n# Fuzzing {}\n\n", report.generator, code(&report.repetition.server));
    let state = if report.is_running { "Running" } else { "Not running" };
    let _ = writeln!(
        text,
        "{state} at {}, output directory {}.\n",
        report.generated_at,
        code(&report.output_directory)
    );
    summary(report, &mut text);
    findings(report, &mut text);
    answers(report, &mut text);
    coverage(report, &mut text);
    instances(report, &mut text);
    repetition(report, &mut text);
    text
}

fn summary(report: &CampaignReport, text: &mut String) {
    let it = &report.summary;
    let stability =
        if report.instances.is_empty() { "unknown".to_owned() } else { format!("{:.2} %", it.stability) };
    let bugs = if report.is_triaged { it.bugs.to_string() } else { "not triaged".to_owned() };
    *text += "## Summary\n\n";
    let rows = [
        ("fuzzing time", seconds(it.run_time_s)),
        ("executions", HumanCount(it.executions).to_string()),
        ("executions per second", HumanCount(it.per_second.round() as u64).to_string()),
        ("stability", stability),
        ("edges", HumanCount(it.edges).to_string()),
        ("inputs in the corpus", HumanCount(it.corpus).to_string()),
        ("bugs", bugs),
        ("files of crashes", it.crash_files.to_string()),
        ("files of hangs", it.hang_files.to_string()),
        ("files of wrong answers", it.wrong_answer_files.to_string()),
        ("timeouts since the last start", HumanCount(it.timeouts).to_string()),
    ];
    table(text, &["figure", "value"], rows.map(|(name, value)| vec![name.to_owned(), value]));
    let plots = series::of_report(report).into_iter().filter(|plot| !plot.lines.is_empty());
    for plot in plots {
        let _ =
            writeln!(text, "- {}, {}: last {}", plot.title, plot.description, escaped(&plot.last_values()));
    }
    for warning in &report.warnings {
        let _ = writeln!(text, "- **Warning:** {}", escaped(warning));
    }
    for note in &report.notes {
        let _ = writeln!(text, "- **Missing:** {}", escaped(note));
    }
}

fn findings(report: &CampaignReport, text: &mut String) {
    *text += "\n## Findings\n\n";
    if report.bugs.is_empty() && report.saved_files.is_empty() {
        *text += "No input was saved as a crash or a hang.\n";
    }
    if !report.bugs.is_empty() {
        let rows = report.bugs.iter().map(|bug| {
            let severity = bug.severity.as_ref().map_or("not estimated", |severity| &severity.level);
            vec![
                escaped(&bug.title),
                bug.kind.to_owned(),
                escaped(severity),
                time(bug.first_found_ms),
                bug.files.len().to_string(),
                format!("{} of {}", bug.confirmation.happened, bug.confirmation.attempts),
            ]
        });
        table(text, &["finding", "kind", "severity", "found after", "files", "plain server"], rows);
        for (number, bug) in (1..).zip(&report.bugs) {
            one_bug(number, bug, &report.output_directory, text);
        }
    } else if !report.saved_files.is_empty() {
        let what = if report.is_triaged {
            "Triage has recorded no bug"
        } else {
            "These files are not yet grouped into bugs"
        };
        let _ = writeln!(
            text,
            "{what}: {}\n",
            code(&format!("sockfuzz triage {}", quoted(&report.output_directory)))
        );
        let rows = report
            .saved_files
            .iter()
            .take(MAX_FILES)
            .map(|file| vec![code(&file.path), escaped(&file.cause), time(file.time_ms)]);
        table(text, &["file", "cause", "found after"], rows);
        if report.saved_files.len() > MAX_FILES {
            let _ = writeln!(text, "… {} more files", report.saved_files.len() - MAX_FILES);
        }
    }
}

fn one_bug(number: usize, bug: &ReportedBug, out: &str, text: &mut String) {
    let _ = writeln!(text, "\n### {number}. {}\n", escaped(&bug.title));
    if let Some(severity) = &bug.severity {
        let _ =
            writeln!(text, "- Severity: {}, {}", escaped(&severity.level), escaped(&severity.description));
    }
    if let Some(place) = &bug.place {
        let _ = writeln!(text, "- Place: {}", code(&format!("{}:{}", place.file, place.line)));
    }
    if bug.is_known {
        *text += "- Known when the campaign was last started\n";
    }
    let _ = writeln!(text, "- Confirmation: {}", escaped(&bug.confirmation.summary));
    let _ = writeln!(text, "- Needs: {} {}", bug.inputs, if bug.inputs == 1 { "input" } else { "inputs" });
    for command in &bug.reproducers {
        let _ = writeln!(text, "- Reproduce: {}", code(&format!("cd {} && {command}", quoted(out))));
    }
    block("Stack", &bug.stack.join("\n"), text);
    block("Session", bug.session.as_deref().unwrap_or_default(), text);
    block("Answer", bug.answers.as_deref().unwrap_or_default(), text);
    block("Output of the server", bug.output.as_deref().unwrap_or_default(), text);
}

fn answers(report: &CampaignReport, text: &mut String) {
    *text += "\n## Answers and paths\n\n";
    match report.answers {
        Some(it) => {
            let rows = [
                ("2xx", it.success),
                ("3xx", it.redirection),
                ("4xx", it.client_error),
                ("5xx", it.server_error),
            ];
            let rows = rows.map(|(class, count)| vec![class.to_owned(), HumanCount(count).to_string()]);
            table(text, &["class", "answers since the last start"], rows);
        }
        None => *text += "No answer with a status code is recorded.\n",
    }
    if let Some(summary) = &report.routes {
        routes(summary, text);
        return;
    }
    let paths = &report.requested_paths;
    if paths.distinct > 0 {
        let _ = writeln!(
            text,
            "\nPaths requested by {} of {} inputs in the queues ({} distinct); `sockfuzz routes` tells how they are answered:\n",
            paths.inputs_read, paths.inputs, paths.distinct
        );
        let rows = paths
            .most_frequent
            .iter()
            .take(MAX_FILES)
            .map(|it| vec![code(&it.path), escaped(&it.methods.join(", ")), it.inputs.to_string()]);
        table(text, &["path", "methods", "inputs"], rows);
    }
}

fn routes(summary: &RouteSummary, text: &mut String) {
    let _ = writeln!(
        text,
        "\nRoutes that {} of {} inputs in the queues reach; {} of the known ones were never answered with 2xx. Besides, {} \
         inputs request {} paths that the server does not know:\n",
        summary.inputs_played,
        summary.inputs,
        summary.without_success().count(),
        summary.unknown_inputs,
        summary.unknown_paths
    );
    let rows = summary.routes.iter().take(MAX_ROUTES).map(|it| {
        let success = match (it.lacks_success, it.is_known) {
            (true, _) => "**never 2xx**",
            (false, true) => "yes",
            (false, false) => "not known before",
        };
        vec![it.method.clone(), code(&it.path), success.to_owned(), it.inputs.to_string(), it.shown_answers()]
    });
    table(text, &["method", "route", "successful", "inputs", "answers"], rows);
    if summary.routes.len() > MAX_ROUTES {
        let _ = writeln!(text, "… {} more routes", summary.routes.len() - MAX_ROUTES);
    }
}

fn coverage(report: &CampaignReport, text: &mut String) {
    *text += "\n## Coverage\n\n";
    let _ = match &report.coverage {
        Some(it) => writeln!(
            text,
            "{} of {} lines, {} of {} functions",
            it.lines_covered, it.lines_total, it.functions_covered, it.functions_total
        ),
        None => writeln!(text, "Coverage of the source is not measured; `sockfuzz cover` measures it."),
    };
}

fn instances(report: &CampaignReport, text: &mut String) {
    *text += "\n## Instances\n\n";
    let rows = report.instances.iter().map(|it| {
        vec![
            escaped(&it.name),
            seconds(it.run_time_s),
            HumanCount(it.executions).to_string(),
            HumanCount(it.per_second.round() as u64).to_string(),
            format!("{:.2} %", it.stability),
            HumanCount(it.edges).to_string(),
        ]
    });
    match report.instances.is_empty() {
        true => *text += "No instance of afl-fuzz has reported figures yet.\n",
        false => table(text, &["name", "time", "executions", "per second", "stability", "edges"], rows),
    }
}

fn repetition(report: &CampaignReport, text: &mut String) {
    let it = &report.repetition;
    *text += "\n## How to repeat the campaign\n\n";
    let directory = it.directory.as_deref().map_or_else(|| "not recorded".to_owned(), code);
    let options: Vec<_> = it.options.iter().map(|(flag, value)| code(&format!("--{flag} {value}"))).collect();
    let _ = writeln!(text, "- Server: {}\n- Directory: {directory}", code(&it.server));
    let _ = writeln!(
        text,
        "- Options: {}\n- AFL++: {}",
        options.join(", "),
        escaped(&it.afl_versions.join(", "))
    );
    for run in &it.runs {
        let _ =
            writeln!(text, "- sockfuzz {} on {}: {}", run.sockfuzz, escaped(&run.kernel), code(&run.command));
    }
    block("Commands of afl-fuzz", &it.afl_commands.join("\n"), text);
}

fn quoted(word: &str) -> String {
    shell_words::quote(word).into_owned()
}

fn seconds(seconds: u64) -> String {
    duration(Duration::from_secs(seconds))
}

fn time(ms: Option<u64>) -> String {
    ms.map_or_else(|| "unknown".to_owned(), |ms| duration(Duration::from_millis(ms)))
}
