//! Output directory of a campaign, as afl-fuzz, sockfuzz and triage leave it, with hostile bytes wherever an input or a
//! server could have put some.

use std::path::PathBuf;

use serde_json::json;
use sockfuzz::server::status_file::StatusFile;
use sockfuzz_protocol::Counter;

use crate::common::TestDir;

/// Markup, an escape of the terminal, an override of the direction of text.
pub(crate) const HOSTILE: &str =
    "</script></style><img src=x onerror=\"document.title='owned'\">\x1b]0;owned\x07\u{202e}";

const FUZZER_STATS: &str = "\
start_time        : 1795964842
run_time          : 120
fuzzer_pid        : 4194305
execs_done        : 240000
execs_per_sec     : 2000.00
corpus_count      : 3
stability         : 99.50%
saved_crashes     : 1
saved_hangs       : 0
total_tmout       : 1
edges_found       : 444
total_edges       : 1105
afl_version       : ++4.40c
command_line      : afl-fuzz -i in -o out -- ./server
";

/// The last line is half-written.
const PLOT_DATA: &str = "\
# relative_time, cycles_done, cur_item, corpus_count, total_execs, edges_found
60, 0, 1, 2, 120000, 400
65, 0, 1, 2, 130000, 410
70, 0, 1";

const PROGRESS: &str = "\
instance,run_time_s,executions,edges,corpus,stability
main,5,10000,100,1,100.0
s1,5,9000,90,1,98.5
main,30,6";

/// Creates the output directory `out` of a campaign with two instances and a resumption, not triaged.
pub(crate) fn campaign(dir: &TestDir) -> PathBuf {
    let record = json!({
        "version": 1,
        "server": ["/bin/server", format!("--name={HOSTILE}")],
        "directory": "/tmp",
        "options": {"transport": "memory", "input": "session"},
        "timeout_ms": 200,
        "program": "2ac003acfba09789",
        "seeds": [],
        "runs": [{"sockfuzz": "0.2.0", "kernel": "Linux 6.1.0 x86_64", "command": ["sockfuzz", "fuzz", "-j", "2", "--", "./a b"]}],
    });
    dir.write("out/sockfuzz.json", record.to_string().as_bytes());
    dir.write("out/sockfuzz.progress", PROGRESS.as_bytes());
    for instance in ["main", "s1"] {
        dir.write(&format!("out/{instance}/fuzzer_stats"), FUZZER_STATS.as_bytes());
    }
    dir.write("out/main/plot_data", PLOT_DATA.as_bytes());
    dir.write("out/main/queue/id:000000,time:0,execs:0,orig:get", b"GET /a?b HTTP/1.1\r\n\r\n");
    dir.write(
        "out/main/queue/id:000001,time:9,execs:9,op:havoc",
        b"GET /<script>\x1b[2J\xff HTTP/1.1\r\n\r\n",
    );
    for file in [
        "main/crashes/README.txt",
        "main/crashes/id:000000,sig:11,src:000000,time:90000,execs:180000,op:havoc",
        "main/crashes.2026-11-28-21:36:49/id:000000,sig:06,src:000000,time:1500,execs:3000,op:havoc",
        "s1/hangs/id:000000,src:000000,time:45000,execs:90000,op:havoc",
    ] {
        dir.write(&format!("out/{file}"), b"GET / HTTP/1.1\r\n\r\n");
    }
    let status = StatusFile::kept_at(&dir.path("out/sockfuzz.status")).expect("writable");
    for (counter, amount) in [
        (Counter::Iterations, 240_000),
        (Counter::Accepted, 240_000),
        (Counter::Successes, 3000),
        (Counter::ClientErrors, 1000),
        (Counter::EndsBetween, 2),
    ] {
        status.add(counter, amount);
    }
    dir.path("out")
}

/// Adds what a triage and a measurement of coverage leave.
pub(crate) fn triage(dir: &TestDir) {
    let finding = json!({
        "title": format!("heap-buffer-overflow(write) in parse {HOSTILE}"),
        "kind": "crash", "key": "src/parse.c:120:7",
        "causes": ["crash at server+4a3c1"],
        "severity": {"level": "EXPLOITABLE", "class": "heap-buffer-overflow(write)", "description": "It writes."},
        "location": {"file": "src/parse.c", "line": 120, "column": 7},
        "stack": ["parse at src/parse.c:120:7", HOSTILE],
        "files": ["main/crashes/id:000000,sig:11,src:000000,time:90000,execs:180000,op:havoc"],
        "first_found_ms": 90000,
        "inputs": 1,
        "is_reduction_cut": false,
        "confirmation": {"attempts": 10, "happened": 9, "end": "SIGSEGV (signal 11)", "reason": null},
    });
    let hang = json!({
        "title": "hang in loop", "kind": "hang", "key": "loop", "causes": ["hang"], "severity": null, "location": null, "stack": [],
        "files": ["s1/hangs/id:000000,src:000000,time:45000,execs:90000,op:havoc"], "first_found_ms": 45000,
        "inputs": 2, "is_reduction_cut": true,
        "confirmation": {"attempts": 10, "happened": 0, "end": null, "reason": "it needs the virtual clock"},
    });
    dir.write("out/findings/01-crash/finding.json", finding.to_string().as_bytes());
    dir.write("out/findings/01-crash/inputs.txt", format!("send 0 \"{HOSTILE}\"\n").as_bytes());
    dir.write("out/findings/01-crash/output.txt", &[HOSTILE.as_bytes(), b"\xff\xfe\n"].concat());
    dir.write(
        "out/findings/01-crash/answers.txt",
        format!("-- answer 1\nHTTP/1.1 200 {HOSTILE}\n").as_bytes(),
    );
    dir.write("out/findings/01-crash/reproduce.sh", b"");
    dir.write("out/findings/01-crash/reproduce.py", b"");
    dir.write("out/findings/02-hang/finding.json", hang.to_string().as_bytes());
    dir.write("out/findings/03-broken/finding.json", b"{");
    dir.write("out/coverage/index.html", b"");
    let coverage = json!({
        "lines_covered": 120, "lines_total": 480, "functions_covered": 9, "functions_total": 30,
        "index": "coverage/index.html",
    });
    dir.write("out/coverage/summary.json", coverage.to_string().as_bytes());
}
