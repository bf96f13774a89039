use super::*;

fn record(signal: i32, instruction: u64, calls: &[u64]) -> CrashRecord {
    let mut record = CrashRecord {
        signal,
        code: 1,
        thread: 7,
        address: 0x10,
        access: CrashAccess::Write,
        instruction,
        stack_pointer: 0,
        call_count: calls.len(),
        calls: [0; sockfuzz_protocol::crash_record::MAX_CALLS],
    };
    record.calls[..calls.len()].copy_from_slice(calls);
    record
}

fn frame(function: &str) -> StackFrame {
    StackFrame { address: 1, function: Some(function.to_owned()), source: None, module: None, offset: 1 }
}

#[test]
fn a_crash_in_a_handler_is_the_one_that_it_handles() {
    let fault = record(libc::SIGSEGV, 0x100, &[0x200]);
    let abort = record(libc::SIGABRT, 0x300, &[0x400, 0x100, 0x200]);
    let other = record(libc::SIGABRT, 0x300, &[0x400]);
    let all =
        |records: &[&CrashRecord]| records.iter().flat_map(|record| record.encode(0)).collect::<Vec<_>>();
    let signal =
        |recorded: &[u8]| RecordedCrash::of_run(recorded, libc::SIGABRT).map(|crash| crash.record.signal);
    assert_eq!(signal(&all(&[&fault, &abort])), Some(libc::SIGSEGV));
    assert_eq!(signal(&all(&[&fault, &other])), Some(libc::SIGABRT));
    assert_eq!(signal(&all(&[&fault])), None);
    assert_eq!(signal(b"nonsense"), None);
}

#[test]
fn an_address_without_a_file_stays_a_number() {
    let mut recorded = record(libc::SIGSEGV, 0, &[0x5000]).encode(21).to_vec();
    recorded.extend_from_slice(b"4000-6000 r-xp 0 0 0 ");
    let stack = RecordedCrash::of_run(&recorded, libc::SIGSEGV).expect("a crash").stack();
    assert_eq!(stack.to_string(), "write to 0x10\n#0  ??+0x0\n#1  ??+0x5000");
}

#[test]
fn mappings_have_paths_with_spaces() {
    let line = "55d0-55f0 r-xp 00001000 fd:00 12    /srv/a server (deleted)";
    let mapping = Mapping::parse(line).expect("a file");
    assert_eq!((mapping.path.as_path(), mapping.offset), (Path::new("/srv/a server"), 0x1000));
    for other in ["[vdso]", "/srv/a\x1b[2J", ""] {
        assert_eq!(Mapping::parse(&format!("7f00-7f10 r-xp 00000000 00:00 0    {other}")), None);
    }
}

#[test]
fn a_panic_begins_where_the_server_panics() {
    let mut frames =
        ["abort", "core::panicking::panic_fmt", "core::option::unwrap_failed", "server::parse", "main"]
            .map(frame)
            .to_vec();
    without_panic(&mut frames);
    assert_eq!(frames, ["server::parse", "main"].map(frame));
    without_panic(&mut frames);
    assert_eq!(frames.len(), 2);
}
