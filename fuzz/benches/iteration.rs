//! Benchmark of one iteration with an empty server, in loop `direct`: the hooks, the driver, the transport, and
//! the two pipes, on which this benchmark takes the place of AFL++. Both processes share a core, as afl-fuzz
//! and its server do.

#[path = "../tests/common/mod.rs"]
mod common;

use std::process::Command;
use std::time::Instant;

use common::TestDir;
use common::forkserver_client::ForkserverClient;
use criterion::{Criterion, criterion_group, criterion_main};
use sockfuzz::campaign::cargo_afl::CargoAfl;
use sockfuzz::util::affinity::PinnedThread;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

fn iteration(criterion: &mut Criterion) {
    let dir = TestDir::new();
    let runtime = common::runtime(&CargoAfl::find_or_install().expect("cargo-afl"));
    let runtime = runtime.to_str().expect("UTF-8");
    let server = dir.server_with("empty", &["-O2", "-pthread", runtime]);
    let _pinned = PinnedThread::to_one_core().expect("a core");
    let mut group = criterion.benchmark_group("iteration");
    for transport in ["unix", "memory"] {
        let mut command = Command::new(&server);
        command.env("SOCKFUZZ_TRANSPORT", transport);
        // One process runs all iterations.
        command.env("SOCKFUZZ_ITERATIONS", u32::MAX.to_string());
        let mut client = ForkserverClient::start(command);
        group.bench_function(transport, |bencher| {
            bencher.iter_custom(|count| {
                let start = Instant::now();
                for _ in 0..count {
                    assert!(client.run(REQUEST, None), "every input is run to its end");
                }
                start.elapsed()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, iteration);
criterion_main!(benches);
