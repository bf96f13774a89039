//! Cost of a mutation, for seeds of the corpus and for a session.

#[path = "../tests/common/mod.rs"]
mod common;

use std::hint::black_box;

use common::{MAX_LENGTH, seeds};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use sockfuzz_model::http2::PREFACE;
use sockfuzz_model::tls;
use sockfuzz_mutator::{Dictionary, Mutator};
use sockfuzz_protocol::InputFormat;

/// Benchmarks many mutations of one parent, each with another input of the queue, as in afl-fuzz.
fn one_parent(criterion: &mut Criterion, name: &str, input: InputFormat, parent: &[u8]) {
    let seeds = seeds();
    let mut mutator = Mutator::new(1, input, Dictionary::read(None));
    let mut others = seeds.iter().cycle();
    criterion.bench_function(name, |bencher| {
        bencher.iter(|| {
            let other = others.next().expect("endless");
            black_box(mutator.mutate(black_box(parent), other, MAX_LENGTH).len())
        });
    });
}

fn mutation(criterion: &mut Criterion) {
    let parent = b"GET /static/index.html?a=b HTTP/1.1\r\nHost: localhost\r\nUser-Agent: curl/8.5.0\r\n\
                   Accept: */*\r\nAccept-Encoding: gzip, deflate\r\nRange: bytes=0-1,3-4\r\n\
                   If-Modified-Since: Wed, 01 Jan 2020 00:00:00 GMT\r\n\r\n";
    one_parent(criterion, "a request of 200 bytes", InputFormat::Raw, parent);
    let session = [&parent[..50], b"\xf5\x40", &parent[50..], b"\xf5\x41", parent].concat();
    one_parent(criterion, "a session of two connections", InputFormat::Session, &session);
    let frames = [
        PREFACE,
        &[0, 0, 0, 4, 0, 0, 0, 0, 0],
        &[0, 0, 8, 1, 5, 0, 0, 0, 1],
        b"\x82\x86\x84\x41\x83\xa0\xe4\x1d",
    ]
    .concat();
    one_parent(criterion, "an HTTP/2 request", InputFormat::Raw, &frames);
    let (_, hello) = tls::seeds().into_iter().find(|(name, _)| *name == "hello-tls13").expect("a seed");
    one_parent(criterion, "a ClientHello", InputFormat::Raw, &hello);
    let mut mutator = Mutator::new(1, InputFormat::Session, Dictionary::read(None));
    let seeds = seeds();
    let mut parents = seeds.iter().cycle();
    criterion.bench_function("a different parent each time", |bencher| {
        bencher.iter_batched(
            || parents.next().expect("endless"),
            |parent| black_box(mutator.mutate(parent, parent, MAX_LENGTH).len()),
            BatchSize::SmallInput,
        );
    });
}

criterion_group!(benches, mutation);
criterion_main!(benches);
