//! Reports of a campaign: formats, hostile content, files that are not overwritten, the live page.

mod common;
#[path = "report/fixture.rs"]
mod fixture;
#[path = "report/junit.rs"]
mod junit;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::TestDir;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// Maximum time for the live server to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

fn report(dir: &TestDir, arguments: &[&str]) -> assert_cmd::assert::Assert {
    dir.sockfuzz().arg("report").args(arguments).assert()
}

/// Returns a report of the triaged campaign in this format.
fn triaged(format: &str) -> String {
    let dir = TestDir::new();
    fixture::campaign(&dir);
    fixture::triage(&dir);
    let output = report(&dir, &["--format", format, "-o", "-", "out"]).code(0).get_output().stdout.clone();
    String::from_utf8(output).expect("UTF-8")
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

#[test]
fn the_page_is_written_and_replaced_by_the_next_one() {
    let dir = TestDir::new();
    fixture::campaign(&dir);
    for _ in 0..2 {
        report(&dir, &["out"]).code(0).stdout("out/report.html\n");
    }
    let page = fs::read_to_string(dir.path("out/report.html")).expect("written");
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>"), "{page}");
    assert!(
        page.contains("sockfuzz triage") && page.contains(".&#x2f;s1&#x2f;hangs&#x2f;id%3A000000"),
        "{page}"
    );
    let left = fs::read_dir(dir.path("out")).expect("there").flatten();
    assert!(!left.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with('.')));
}

#[test]
fn a_file_of_the_user_is_not_overwritten() {
    let dir = TestDir::new();
    fixture::campaign(&dir);
    dir.write("out/report.html", b"<p>mine</p>");
    report(&dir, &["out"]).code(1).stderr(contains("is no report of sockfuzz").and(contains("another name")));
    assert_eq!(fs::read(dir.path("out/report.html")).expect("there"), b"<p>mine</p>");
    for format in ["markdown", "json", "sarif", "junit", "html"] {
        for _ in 0..2 {
            report(&dir, &["--format", format, "-o", &format!("report.{format}"), "out"]).code(0);
        }
    }
}

#[test]
fn a_directory_of_no_campaign_is_refused() {
    let dir = TestDir::new();
    dir.write("other/file", b"x");
    for arguments in [&["other"][..], &["missing"], &["--serve", "127.0.0.1:0", "other"]] {
        report(&dir, arguments).code(1).stderr(contains("is no output directory of sockfuzz fuzz"));
    }
}

#[test]
fn a_campaign_that_has_not_reported_has_a_page() {
    let dir = TestDir::new();
    dir.write("out/sockfuzz.target", b"/bin/true\n");
    report(&dir, &["-o", "-", "out"]).code(0).stdout(
        contains("No instance of afl-fuzz has reported figures yet")
            .and(contains("Nothing is recorded."))
            .and(contains("No input was saved as a crash or a hang."))
            .and(contains("an earlier release ran the campaign")),
    );
    for format in ["markdown", "json", "sarif", "junit"] {
        report(&dir, &["--format", format, "-o", "-", "out"]).code(0);
    }
}

#[test]
fn nothing_hostile_is_markup_or_controls_a_terminal() {
    for format in ["html", "markdown", "json", "sarif", "junit"] {
        let text = triaged(format);
        let is_hidden = |character: char| character.is_control() && character != '\n' && character != '\t';
        assert!(!text.contains(is_hidden) && !text.contains('\u{202e}'), "{format}: {text}");
        assert!(text.contains("\\u{202e}") || text.contains("\\\\u{202e}"), "{format}: {text}");
    }
    let page = triaged("html");
    assert!(!page.contains("<img"), "{page}");
    assert_eq!(page.matches("</script>").count(), 1);
    assert_eq!(page.matches("</style>").count(), 1);
    assert!(page.contains("\\xff\\xfe"), "invalid UTF-8 is shown as escapes");
    // Outside of blocks of code, and of code within a line.
    let text = triaged("markdown");
    let prose = text.split("```").step_by(2).flat_map(|part| part.split('`').step_by(2));
    assert!(!prose.into_iter().any(|part| part.contains("<img")), "{text}");
}

#[test]
fn the_page_refers_to_nothing_outside() {
    let page = triaged("html").replace("http://www.w3.org/2000/svg", "");
    for reference in ["http:", "https:", "src=\"", "url(", "@import", "<link", "<iframe"] {
        assert!(!page.contains(reference), "{reference}");
    }
    assert!(page.contains("default-src &#x27;none&#x27;") && !page.contains("unsafe-inline"), "{page}");
    assert!(!page.contains("http-equiv=\"refresh\""), "only the live page reloads");
}

#[test]
fn the_page_shows_findings_figures_and_commands() {
    let page = triaged("html");
    for text in [
        "9 of 10 on the plain server: SIGSEGV (signal 11)",
        "only under sockfuzz (0 of 10 on the plain server): it needs the virtual clock",
        "1 min 30 s",
        "480,000",
        "75.0 %",
        "25.0 %",
        "id=\"finding-2\"",
        "sockfuzz fuzz -j 2 -- &#x27;.&#x2f;a b&#x27;",
        "Linux 6.1.0 x86_64",
        "4.40c",
        "03-broken",
        "The stack is unknown.",
    ] {
        assert!(page.contains(text), "{text}\nin\n{page}");
    }
}

#[test]
fn json_follows_its_schema() {
    let dir = TestDir::new();
    let schema = report(&dir, &["--schema"]).code(0).get_output().stdout.clone();
    let schema = json_of(&String::from_utf8(schema).expect("UTF-8"));
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let json = json_of(&triaged("json"));
    let errors: Vec<_> = validator.iter_errors(&json).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(json["summary"]["executions"], 480_000);
    let samples = json["instances"][0]["samples"].as_array().expect("an array");
    let times: Vec<_> = samples.iter().filter_map(|sample| sample["run_time_s"].as_f64()).collect();
    assert_eq!(times, [5.0, 60.0, 65.0, 120.0], "half-written lines are left out");
    assert_eq!(json["saved_files"][0]["time_ms"], 1500, "files of an earlier resumption");
    assert_eq!(json["requested_paths"]["distinct"], 2);
    assert_eq!(json["coverage"]["lines_total"], 480);
}

#[test]
fn sarif_has_a_result_for_each_finding() {
    let text = triaged("sarif");
    let log: serde_sarif::sarif::Sarif = serde_json::from_str(&text).expect("SARIF");
    let results = log.runs[0].results.as_ref().expect("results");
    assert_eq!(results.len(), 2);
    let place = &json_of(&text)["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "src/parse.c");
    assert_eq!(place["region"]["startLine"], 120);
    let rules: Vec<_> = log.runs[0].tool.driver.rules.iter().flatten().map(|rule| rule.id.as_str()).collect();
    assert!(results.iter().all(|result| rules.contains(&result.rule_id.as_deref().expect("a rule"))));
}

#[test]
fn options_that_exclude_each_other_are_refused() {
    let dir = TestDir::new();
    fixture::campaign(&dir);
    report(&dir, &["--serve", "0.0.0.0:0", "out"]).code(2).stderr(contains("only loopback addresses"));
    report(&dir, &["--serve", "127.0.0.1:0", "--format", "json", "out"]).code(2);
    report(&dir, &["--help"]).code(0).stdout(contains("Exit status:"));
}

/// Live server, which is killed if the test fails.
struct LiveServer {
    child: Child,
    address: String,
}

impl LiveServer {
    fn start(dir: &TestDir) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_sockfuzz"))
            .args(["report", "--serve", "127.0.0.1:0", "out"])
            .current_dir(dir.path(""))
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
        let address = line.trim().trim_start_matches("http://").trim_end_matches('/').to_owned();
        Self { child, address }
    }

    fn get(&self, target: &str) -> String {
        let mut client = TcpStream::connect(&self.address).expect("it listens");
        client.set_read_timeout(Some(STOP_TIMEOUT)).expect("set");
        write!(client, "GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", self.address).expect("sent");
        let mut answer = String::new();
        client.read_to_string(&mut answer).expect("UTF-8");
        answer
    }
}

impl Drop for LiveServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_live_page_is_up_to_date_until_it_is_interrupted() {
    let dir = TestDir::new();
    fixture::campaign(&dir);
    let mut server = LiveServer::start(&dir);
    // A client that sends nothing delays the others only for a moment.
    let _silent = TcpStream::connect(&server.address).expect("it listens");
    let page = server.get("/");
    assert!(page.starts_with("HTTP/1.1 200 OK") && page.contains("http-equiv=\"refresh\""), "{page}");
    assert!(page.contains("Content-Security-Policy: default-src 'none'"), "{page}");
    assert!(!server.get("/?reload=off").contains("http-equiv=\"refresh\""));
    fixture::triage(&dir);
    let body =
        server.get("/report.json").split_once("\r\n\r\n").map(|(_, body)| json_of(body)).expect("a body");
    assert_eq!(body["bugs"].as_array().map(Vec::len), Some(2));
    assert!(server.get("/sockfuzz.json").starts_with("HTTP/1.1 404 "));

    let pid = Pid::from_raw(server.child.id().try_into().expect("an id")).expect("an id");
    kill_process(pid, Signal::INT).expect("it runs");
    let deadline = Instant::now() + STOP_TIMEOUT;
    let status = loop {
        if let Some(status) = server.child.try_wait().expect("a child") {
            break status;
        }
        assert!(Instant::now() < deadline, "it does not stop");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(status.code(), Some(0));
    assert!(!dir.path("out/report.html").exists(), "it only serves");
}
