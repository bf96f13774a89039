//! The page of a report in a browser: its script runs below its policy, tables can be sorted, both themes are drawn.

mod common;
#[path = "report/fixture.rs"]
mod fixture;

use std::fs;
use std::path::Path;
use std::time::Duration;

use common::{TestDir, installed};

/// Begins every PNG.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Clicks on the head of the column of times, twice, and writes down what it sees.
const CLICKS: &str = r#"<script>
const button = [...document.querySelectorAll("main th button")].find((it) => it.textContent === "Found after");
const table = button.closest("table");
const seen = [];
for (let click = 0; click < 2; click++) {
  button.focus();
  button.click();
  const rows = [...table.tBodies[0].rows].map((row) => row.cells[0].textContent).join("-");
  seen.push(button.parentElement.getAttribute("aria-sort") + " " + rows + " " + (document.activeElement === button));
}
const wide = document.documentElement.scrollWidth > document.documentElement.clientWidth;
document.body.dataset.seen = seen.join("; ") + "; wide " + wide;
</script>"#;

/// Runs the browser on a page, and returns what it prints; `None` if the test has to be skipped.
fn browse(dir: &TestDir, page: &str, options: &[&str]) -> Option<String> {
    let browser = installed("chromium", "chromium")?;
    let output = assert_cmd::Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-sync",
        ])
        .args(["--disable-background-networking", "--disable-component-update", "--hide-scrollbars"])
        .arg(format!("--user-data-dir={}", dir.path("profile").display()))
        .args(options)
        .arg(format!("file://{}", dir.path(page).display()))
        .env("HOME", dir.path(""))
        .current_dir(dir.path(""))
        .timeout(Duration::from_secs(120))
        .output()
        .expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn page(dir: &TestDir) -> String {
    fixture::campaign(dir);
    fixture::triage(dir);
    dir.sockfuzz().args(["report", "out"]).assert().code(0);
    fs::read_to_string(dir.path("out/report.html")).expect("written")
}

fn picture(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!(bytes.starts_with(PNG), "{}", path.display());
    bytes
}

#[test]
fn the_script_runs_below_the_policy_and_nothing_else_does() {
    let dir = TestDir::new();
    let page = page(&dir);
    assert!(!page.contains("<button"), "without JavaScript, there is nothing to press");
    let Some(dom) = browse(&dir, "out/report.html", &["--dump-dom"]) else { return };
    assert!(
        dom.contains("<th scope=\"col\" class=\"number\"><button type=\"button\">Found after</button></th>"),
        "{dom}"
    );
    assert!(dom.contains("<title>Fuzzing /bin/server"), "the title is unchanged: {dom}");

    dir.write(
        "other.html",
        page.replace("</body>", "<script>document.title='owned'</script></body>").as_bytes(),
    );
    let dom = browse(&dir, "other.html", &["--dump-dom"]).expect("installed");
    assert!(dom.contains("<title>Fuzzing /bin/server"), "the policy stops other scripts: {dom}");
}

#[test]
fn tables_are_sorted_by_the_keyboard_and_fit_a_narrow_window() {
    let dir = TestDir::new();
    let page = page(&dir);
    let policy = page.lines().find(|line| line.contains("Content-Security-Policy")).expect("a policy");
    dir.write(
        "clicks.html",
        page.replace(policy, "").replace("</body>", &format!("{CLICKS}</body>")).as_bytes(),
    );
    let Some(dom) = browse(&dir, "clicks.html", &["--dump-dom", "--window-size=500,800"]) else { return };
    let seen = dom.split("data-seen=\"").nth(1).and_then(|rest| rest.split('"').next());
    assert_eq!(seen, Some("ascending 2-1 true; descending 1-2 true; wide false"));
}

#[test]
fn both_themes_are_drawn() {
    let dir = TestDir::new();
    page(&dir);
    for (name, theme) in [("light.png", "1"), ("dark.png", "0")] {
        let options = [
            format!("--screenshot={}", dir.path(name).display()),
            format!("--blink-settings=preferredColorScheme={theme}"),
            "--window-size=1200,1600".to_owned(),
        ];
        let options: Vec<_> = options.iter().map(String::as_str).collect();
        if browse(&dir, "out/report.html", &options).is_none() {
            return;
        }
    }
    assert_ne!(picture(&dir.path("light.png")), picture(&dir.path("dark.png")));
}
