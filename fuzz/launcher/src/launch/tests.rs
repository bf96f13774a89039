use std::collections::BTreeMap;

use super::*;
use crate::description::{Description, ServerEntry};

fn bundle() -> Bundle {
    let description = Description {
        name: "nginx".to_owned(),
        sockfuzz: "0.2.0".to_owned(),
        glibc: "2.34".to_owned(),
        server: ServerEntry {
            program: "/opt/nginx".into(),
            arguments: vec!["-q".to_owned()],
            directory: None,
            sanitizer: Some("libasan.so.8".to_owned()),
            relocated: vec!["/opt".into()],
        },
        options: BTreeMap::from([("SOCKFUZZ_INPUT".to_owned(), "session".to_owned())]),
    };
    Bundle { files: "/b/nginx_fuzzer_files".into(), description }
}

fn line(name: &str, arguments: &[&str], set: &[(&str, &str)]) -> String {
    let get = |name: &str| set.iter().find(|(set, _)| *set == name).map(|(_, value)| value.into());
    let arguments = arguments.iter().map(OsString::from);
    let command = command(&bundle(), name, arguments, &get);
    let variable = |(name, value): (&OsStr, Option<&OsStr>)| {
        format!("{}={}", name.display(), value.unwrap_or_default().display())
    };
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words = words.map(|word| word.display().to_string());
    // Variables that are removed have no value.
    let set_variables = command.get_envs().filter(|(_, value)| value.is_some());
    set_variables.map(variable).chain(words).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_server_is_started_below_afl_without_further_words() {
    let line = line("nginx_fuzzer", &["2147483647"], &[("__AFL_SHM_ID", "1")]);
    let sanitizers = format!("{ASAN}={ASAN_OPTIONS} ");
    let (before, after) = line.split_once(&sanitizers).expect("options of a sanitizer");
    let after = after.replace(&format!("{UBSAN}={UBSAN_OPTIONS} "), "");
    assert_eq!(
        format!("{before}{after}"),
        "LD_PRELOAD=libasan.so.8:/b/nginx_fuzzer_files/bin/libsockfuzz_preload.so SOCKFUZZ_INPUT=session \
         SOCKFUZZ_RELOCATE=/opt=/b/nginx_fuzzer_files/root/opt /b/nginx_fuzzer_files/root/opt/nginx -q"
    );
}

#[test]
fn other_command_lines_of_a_target_are_for_sockfuzz() {
    let line = line("nginx_fuzzer", &["crash-1"], &[]);
    assert!(line.ends_with("/b/nginx_fuzzer_files/bin/sockfuzz.elf target -- crash-1"), "{line}");
}

#[test]
fn tools_get_the_mutator_and_keep_what_the_user_has_set() {
    let line = line(
        "afl-fuzz",
        &["-i", "in"],
        &[("AFL_CUSTOM_MUTATOR_LIBRARY", "/mine.so"), ("SOCKFUZZ_INPUT", "raw")],
    );
    assert!(line.ends_with("/b/nginx_fuzzer_files/bin/afl-fuzz -i in"), "{line}");
    assert!(line.contains("SOCKFUZZ_DICTIONARY=/b/nginx_fuzzer_files/bin/http.dict"), "{line}");
    assert!(!line.contains("MUTATOR_LIBRARY") && !line.contains("SOCKFUZZ_INPUT"), "{line}");
}

#[test]
fn below_clusterfuzz_sockfuzz_waits_for_afl_fuzz() {
    let line = line("afl-fuzz", &["-L0", "-iIN"], &[(REPORT_FILE, "/tmp/stderr.out")]);
    assert!(line.ends_with("/b/nginx_fuzzer_files/bin/sockfuzz.elf engine-fuzz -- -L0 -iIN"), "{line}");
}

#[test]
fn mopt_is_left_out_for_our_mutator_only() {
    let ours = line("afl-fuzz", &["-L", "0", "-i", "in"], &[]);
    assert!(ours.ends_with("/bin/afl-fuzz -i in"), "{ours}");
    let users = line("afl-fuzz", &["-L", "0", "-i", "in"], &[("AFL_CUSTOM_MUTATOR_LIBRARY", "")]);
    assert!(users.ends_with("/bin/afl-fuzz -L 0 -i in"), "{users}");
}

#[test]
fn leaks_are_not_looked_for_unless_the_user_insists() {
    let options = ("ASAN_OPTIONS", "detect_leaks=1");
    let without = line("nginx_fuzzer", &["crash-1"], &[options]);
    assert!(without.contains("ASAN_OPTIONS=detect_leaks=1:detect_leaks=0 "), "{without}");
    let with = line("nginx_fuzzer", &["crash-1"], &[options, (KEEP_LEAKS, "1")]);
    assert!(!with.contains("ASAN_OPTIONS"), "{with}");
}
