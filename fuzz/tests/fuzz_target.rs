//! Fuzz target of a bundle, as fleets of fuzzing machines run it: by libFuzzer's flags, and below ClusterFuzz's AFL engine.

mod common;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use common::{TestDir, bundled, program_with, workspace};

/// Variables as ClusterFuzz's AFL engine sets them, and those that let afl-fuzz start on any machine.
const CLUSTERFUZZ: &[(&str, &str)] = &[
    ("AFL_BENCH_UNTIL_CRASH", "1"),
    ("AFL_SKIP_CRASHES", "1"),
    ("AFL_FAST_CAL", "1"),
    ("AFL_CMPLOG_ONLY_NEW", "1"),
    ("AFL_IGNORE_UNKNOWN_ENVS", "1"),
    ("AFL_IGNORE_PROBLEMS", "1"),
    ("AFL_FORKSRV_INIT_TMOUT", "60000"),
    ("AFL_SKIP_CPUFREQ", "1"),
    ("AFL_TRY_AFFINITY", "1"),
    ("AFL_NO_UI", "1"),
    ("AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES", "1"),
];

const REPORT_FILE: &str = "AFL_DRIVER_STDERR_DUPLICATE_FILENAME";

/// Bundle of the bundled server with planted bugs.
struct PlantedBundle {
    dir: TestDir,
}

impl PlantedBundle {
    fn new() -> Self {
        let dir = TestDir::new();
        let server = bundled(program_with("epoll", true));
        let mut command = dir.sockfuzz();
        command.args(["bundle", "-o", "bundle", "--name", "planted", "--"]).arg(server);
        command.args(["--model", "epoll"]).assert().success();
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path(name)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.path("bundle").join(program));
        command.current_dir(self.dir.path("")).stdin(Stdio::null()).env_remove(REPORT_FILE);
        command
    }

    /// Runs the target with libFuzzer's flags.
    fn target(&self, words: &[&str]) -> Output {
        self.command("planted_fuzzer").args(words).output().expect("it starts")
    }

    fn files(&self, directory: &str) -> Vec<PathBuf> {
        fs::read_dir(self.path(directory)).expect("a directory").flatten().map(|entry| entry.path()).collect()
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn planted(name: &str) -> PathBuf {
    workspace().path("harness/planted").join(name)
}

fn shown(path: &Path) -> &str {
    path.to_str().expect("plain")
}

/// One test, because a bundle has all of sockfuzz inside.
#[test]
fn a_bundle_is_a_fuzz_target() {
    let bundle = PlantedBundle::new();
    has_one_target(&bundle);
    runs_a_number_of_inputs(&bundle);
    reproduces_crashes_and_hangs(&bundle);
    finds_a_crash(&bundle);
    merges(&bundle);
    minimizes(&bundle);
    runs_below_clusterfuzz(&bundle);
    shows_the_map_of_an_input(&bundle);
}

/// ClusterFuzz takes every file without an extension and with this name inside for a target.
fn has_one_target(bundle: &PlantedBundle) {
    let mark = ["LLVMFuzzer", "TestOneInput"].concat();
    let is_marked = |path: &PathBuf| {
        if path.extension().is_some() {
            return false;
        }
        let content = fs::read(path).expect("readable");
        memchr::memmem::find(&content, mark.as_bytes()).is_some()
    };
    let marked: Vec<_> = files_below(&bundle.path("bundle")).into_iter().filter(is_marked).collect();
    assert_eq!(marked, [bundle.path("bundle/planted_fuzzer")]);
}

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("a directory").flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

fn runs_a_number_of_inputs(bundle: &PlantedBundle) {
    let output = bundle.target(&["--", "-rss_limit_mb=2560", "-timeout=25", "-seed=1337", "-runs=4"]);
    let log = text(&output);
    assert!(output.status.success(), "{log}");
    assert!(log.contains("\nDone 4 runs in "), "{log}");
    assert!(log.contains("INFO: Loaded 1 modules   ("), "{log}");
    assert_eq!(log.matches("rss_limit_mb").count(), 1, "{log}");
    let help = bundle.target(&["-help=1"]);
    assert!(help.status.success() && String::from_utf8_lossy(&help.stdout).contains("max_total_time"));
}

fn reproduces_crashes_and_hangs(bundle: &PlantedBundle) {
    let crash = planted("04-hops.http");
    let output = bundle.target(&["-timeout=20", "-runs=100", shown(&crash)]);
    let log = text(&output);
    assert_eq!(output.status.code(), Some(77), "{log}");
    assert!(log.contains("ERROR: "), "{log}");
    assert!(!log.contains("preload/src/"), "a frame of the preload: {log}");
    let hang = bundle.target(&["-timeout=1", shown(&planted("07-encodings.http"))]);
    assert_eq!(hang.status.code(), Some(70), "{}", text(&hang));
    assert!(text(&hang).contains("ERROR: libFuzzer: timeout after 1 seconds"), "{}", text(&hang));
    let seed = workspace().path("corpus/http1/accept-encoding");
    let fine = bundle.target(&["-runs=100", shown(&seed)]);
    assert!(fine.status.success(), "{}", text(&fine));
}

fn finds_a_crash(bundle: &PlantedBundle) {
    fs::create_dir(bundle.path("corpus")).expect("created");
    let flags = ["-runs=300000", "-seed=1", "-artifact_prefix=artifact-", "-print_final_stats=1", "corpus"];
    let output = bundle.target(&flags);
    let log = text(&output);
    assert_eq!(output.status.code(), Some(77), "{log}");
    let path = log.split("Test unit written to ").nth(1).and_then(|rest| rest.lines().next());
    let path = path.expect("an artifact");
    assert!(path.starts_with("artifact-crash-"), "{path}");
    assert!(log.contains("\tINITED cov: ") && log.contains("\tNEW    cov: "), "{log}");
    assert!(log.contains("stat::number_of_executed_units: "), "{log}");
    fs::rename(bundle.path(path), bundle.path("crash")).expect("there");
    let again = bundle.target(&["crash"]);
    assert_eq!(again.status.code(), Some(77), "{}", text(&again));
    assert!(!bundle.files("corpus").is_empty());
}

fn merges(bundle: &PlantedBundle) {
    fs::create_dir(bundle.path("merged")).expect("created");
    let before = bundle.files("corpus").len();
    let output = bundle.target(&["-merge=1", "-merge_control_file=control", "merged", "corpus"]);
    let log = text(&output);
    assert!(output.status.success(), "{log}");
    assert!(log.contains("new features added;"), "{log}");
    let merged = bundle.files("merged").len();
    assert!((1..=before).contains(&merged), "{merged} of {before}");
    assert_eq!(bundle.files("corpus").len(), before);
}

fn minimizes(bundle: &PlantedBundle) {
    let flags = ["-minimize_crash=1", "-max_total_time=60", "-exact_artifact_path=small", "crash"];
    let output = bundle.target(&flags);
    assert!(output.status.success(), "{}", text(&output));
    let length = |name: &str| fs::read(bundle.path(name)).expect("written").len();
    assert!(length("small") < length("crash"));
    let again = bundle.target(&["small"]);
    assert_eq!(again.status.code(), Some(77), "{}", text(&again));
    let output = bundle.target(&["-cleanse_crash=1", "-exact_artifact_path=plain", "small"]);
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(length("plain"), length("small"));
}

fn runs_below_clusterfuzz(bundle: &PlantedBundle) {
    let seeds = workspace().path("corpus/http1");
    let target = bundle.path("bundle/planted_fuzzer");
    let report = bundle.path("stderr.out");
    let output = bundle
        .command("afl-fuzz")
        .args(["-l1", "-L0", "-pexplore", "-Sdefault", "-E300000", "-s1", "-mnone"])
        .arg(format!("-i{}", shown(&seeds)))
        .arg(format!("-o{}", shown(&bundle.path("afl_output_dir"))))
        .arg(&target)
        .arg("2147483647")
        .envs(CLUSTERFUZZ.iter().copied())
        .env(REPORT_FILE, &report)
        .output()
        .expect("it starts");
    assert!(output.status.success(), "{}{}", String::from_utf8_lossy(&output.stdout), text(&output));
    let is_crash =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("id"));
    let crashes: Vec<_> =
        bundle.files("afl_output_dir/default/crashes").into_iter().filter(is_crash).collect();
    let [crash] = &crashes[..] else { panic!("one crash: {crashes:?} {}", text(&output)) };
    let written = fs::read_to_string(&report).expect("a report");
    assert_eq!(written.matches("ERROR: ").count(), 1, "{written}");

    fs::write(&report, "").expect("emptied");
    let again =
        bundle.command("planted_fuzzer").arg(crash).env(REPORT_FILE, &report).output().expect("starts");
    assert_eq!(again.status.code(), Some(1), "{}", text(&again));
    let appended = fs::read_to_string(&report).expect("a report");
    let summary = |text: &str| text.lines().find(|line| line.starts_with("SUMMARY: ")).map(str::to_owned);
    assert_eq!(summary(&appended), summary(&written));
    assert!(text(&again).contains(&appended));
}

/// The input comes by a pipe that stays open.
fn shows_the_map_of_an_input(bundle: &PlantedBundle) {
    let map_of = |name: &str| {
        let mut child: Child = bundle
            .command("afl-showmap")
            .args(["-omap", "-mnone"])
            .arg(bundle.path("bundle/planted_fuzzer"))
            .arg("-")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let mut pipe = child.stdin.take().expect("a pipe");
        let seed = workspace().path("corpus/http1").join(name);
        pipe.write_all(&fs::read(seed).expect("a seed")).expect("written");
        child.wait().expect("it ends");
        drop(pipe);
        fs::read(bundle.path("map")).expect("written")
    };
    let (one, other) = (map_of("accept-encoding"), map_of("authorization-basic"));
    assert_ne!(one, other);
    assert_eq!(one, map_of("accept-encoding"));
}
