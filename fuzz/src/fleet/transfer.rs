//! Transfers between the hub and a host, by rsync.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use super::bundle_dir::BundleDir;
use super::connection::HostConnection;
use super::pool::ExchangePool;
use super::rsync_stats::TransferStats;

/// Time limit of one transfer. What it has not finished, the next one continues.
const TRANSFER_LIMIT: Duration = Duration::from_secs(1800);
/// Maximum number of inputs that a host is sent at once.
const MAX_INPUTS: usize = 20_000;
/// Largest log or record that is collected.
const MAX_RECORD: &str = "64m";

/// Files of an instance that are collected, besides the queue of the main instance.
const INSTANCE_FILES: &[&str] =
    &["fuzzer_stats", "plot_data", "fuzzer_setup", "cmdline", "crashes***", "hangs***"];

/// Copies the bundle to a host.
///
/// # Errors
/// A host that cannot be reached, or a copy that fails.
pub fn copy_bundle(connection: &HostConnection<'_>, bundle: &BundleDir) -> Result<TransferStats> {
    let mut from = bundle.path.clone().into_os_string();
    from.push("/");
    let words = ["--recursive", "--links", "--perms"].map(OsString::from);
    let words = words.into_iter().chain([from, connection.remote("bundle/")]);
    run(connection, words, b"")
}

/// Collects findings, histories and figures of a host, and the queue of its main instance, into the hub's directory `out`,
/// and the records of its campaign into `records`.
///
/// # Errors
/// A host that cannot be reached, or a copy that fails.
pub fn collect(connection: &HostConnection<'_>, out: &Path, records: &Path) -> Result<TransferStats> {
    fs::create_dir_all(records).with_context(|| format!("cannot create {}", records.display()))?;
    let host = &connection.host.name;
    let main = host.main_instance();
    let mut included = vec!["/sockfuzz-histories/".to_owned(), "/sockfuzz-seeds/***".to_owned()];
    included.push(format!("/{main}/queue/***"));
    for instance in [main, host.instance("s[0-9]*")] {
        included.push(format!("/{instance}/"));
        included.extend(INSTANCE_FILES.iter().map(|file| format!("/{instance}/{file}")));
        included.push(format!("/sockfuzz-histories/{instance}/***"));
    }
    // The bookkeeping of afl-fuzz, and files that are being written.
    let words = ["--recursive", "--exclude=.*"].map(OsString::from).into_iter();
    let words = words.chain(included.iter().map(|it| format!("--include={it}").into()));
    let words = words.chain(["--exclude=*".into(), connection.remote("out/"), out.into()]);
    let mut stats = run(connection, words, b"")?;
    // Findings are complete before the figures that count them: a second transfer, not the first one.
    let words =
        ["--dirs", "--include=/sockfuzz.*", "--include=/*.log", "--exclude=*", "--max-size", MAX_RECORD];
    let words = words.map(OsString::from).into_iter();
    stats += run(connection, words.chain([connection.remote("out/"), records.into()]), b"")?;
    Ok(stats)
}

/// Sends a host the inputs of the pool that follow the first `has` ones.
///
/// # Errors
/// A host that cannot be reached, or a copy that fails.
pub fn distribute(connection: &HostConnection<'_>, pool: &ExchangePool, has: usize) -> Result<TransferStats> {
    let files = pool.files_from(has, MAX_INPUTS);
    if files.is_empty() {
        return Ok(TransferStats::default());
    }
    let words = ["--files-from=-".into(), pool.root().into(), connection.remote("out/")];
    run(connection, words.into_iter(), files.join("\n").as_bytes())
}

/// Gives a host that has lost its output directory what was collected: its main instance and the records of its campaign.
///
/// # Errors
/// A host that cannot be reached, or a copy that fails.
pub fn restore(connection: &HostConnection<'_>, out: &Path, records: &Path) -> Result<TransferStats> {
    let mut main = out.to_owned().into_os_string();
    main.push(format!("/./{}", connection.host.name.main_instance()));
    let mut records = records.to_owned().into_os_string();
    records.push("/");
    let words = ["--recursive".into(), "--relative".into(), main, connection.remote("out/")];
    let mut stats = run(connection, words.into_iter(), b"")?;
    // The record makes the directory one of a campaign, so it comes last.
    let words = ["--dirs", "--include=/sockfuzz.*", "--exclude=*"].map(OsString::from).into_iter();
    stats += run(connection, words.chain([records, connection.remote("out/")]), b"")?;
    Ok(stats)
}

fn run(
    connection: &HostConnection<'_>,
    words: impl Iterator<Item = OsString>,
    input: &[u8],
) -> Result<TransferStats> {
    let text = connection.run_rsync(&words.collect::<Vec<_>>(), input, TRANSFER_LIMIT)?;
    Ok(TransferStats::parse(&text))
}
