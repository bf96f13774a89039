//! Report in the XML of JUnit.

use quick_junit::{TestCaseStatus, XmlString};
use serde_json::json;

use crate::common::TestDir;
use crate::{fixture, json_of, report};

/// Returns name, kind of failure (or `skipped`), and message of each test that did not succeed.
fn not_succeeded(xml: &str) -> Vec<(String, String, String)> {
    let log = quick_junit::Report::deserialize_from_str(xml).expect("JUnit");
    let [suite] = &log.test_suites[..] else { panic!("{xml}") };
    let outcome = |case: &quick_junit::TestCase| {
        let (kind, message) = match &case.status {
            TestCaseStatus::Success { .. } => return None,
            TestCaseStatus::NonSuccess { ty, message, .. } => (ty.clone(), message),
            TestCaseStatus::Skipped { message, .. } => (Some("skipped".into()), message),
        };
        let text = |text: Option<&XmlString>| text.map(|text| text.as_str().to_owned()).unwrap_or_default();
        Some((case.name.as_str().to_owned(), text(kind.as_ref()), text(message.as_ref())))
    };
    suite.test_cases.iter().filter_map(outcome).collect()
}

#[test]
fn junit_has_failures_for_what_is_new_and_skips_what_is_known() {
    let dir = TestDir::new();
    fixture::campaign(&dir);
    fixture::triage(&dir);
    let render = || {
        let output =
            report(&dir, &["--format", "junit", "-o", "-", "out"]).code(0).get_output().stdout.clone();
        String::from_utf8(output).expect("UTF-8")
    };
    let xml = render();
    let outcomes = not_succeeded(&xml);
    let kinds: Vec<_> = outcomes.iter().map(|(_, kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["crash", "hang", "SIGABRT (signal 6)"], "{outcomes:?}");
    assert!(outcomes[2].2.contains("not triaged"), "{outcomes:?}");
    for text in [
        "tests=\"4\" skipped=\"0\" failures=\"3\" errors=\"0\"",
        "9 of 10 on the plain server: SIGSEGV (signal 11)",
        "src/parse.c:120",
        "sockfuzz replay findings/01-crash/history",
        "bash findings/01-crash/reproduce.sh",
        "480,000 executions",
    ] {
        assert!(xml.contains(text), "{text}\nin\n{xml}");
    }
    let earlier =
        json!({"bugs": ["01-crash"], "files": ["s1/id:000000,src:000000,time:45000,execs:90000,op:havoc"]});
    dir.write("out/sockfuzz.earlier", earlier.to_string().as_bytes());
    dir.write(
        "out/findings/not-reproduced.txt",
        b"main/crashes/id:000000,sig:06,src:000000,time:1500,execs:3000,op:havoc\n",
    );
    let outcomes = not_succeeded(&render());
    let messages: Vec<_> =
        outcomes.iter().map(|(_, kind, message)| (kind.as_str(), message.as_str())).collect();
    let known = |folder| format!("known before this run: findings/{folder}");
    assert_eq!(
        messages,
        [
            ("skipped", known("01-crash").as_str()),
            ("skipped", known("02-hang").as_str()),
            ("skipped", "it did not happen again")
        ]
    );
    let sarif = report(&dir, &["--format", "sarif", "-o", "-", "out"]).get_output().stdout.clone();
    let sarif = json_of(&String::from_utf8(sarif).expect("UTF-8"));
    assert_eq!(sarif["runs"][0]["results"][0]["baselineState"], "unchanged");
}
