//! Planted bugs for a fuzzer to find, of different kinds and depths.
//!
//! They run before the routes, on parsed requests, which are the same with every parser; so they exist
//! in every model. `harness/planted/` has a request or a session that triggers each bug. Bugs 12 to 14
//! depend on the order of events on connections, and bugs 15 to 20 on earlier inputs of the same process, whose
//! requests are in `harness/planted/histories/`.
//!
//! | no. | trigger | kind | symptom |
//! |----:|---------|------|---------|
//! | 1 | a cookie with a broken escape: `Cookie: a=%` | `None` unwrapped | panic, caught by the model |
//! | 2 | a body whose content starts like a chunk with a size of more than 8 digits: `123456789` and CRLF | arithmetic overflow | panic, caught |
//! | 3 | `Accept` with two members, one of a weight above 1: `q=2` | panic in a C callback | panic, then SIGABRT: it cannot unwind |
//! | 4 | `Max-Forwards` of 16 or more | write out of bounds in `unsafe` | SIGSEGV |
//! | 5 | a value in the query of /query with a character across its 8th byte | slice off a UTF-8 boundary | panic, caught |
//! | 6 | a value in the query of /query that is `$` and an unknown key: `a=$` | unbounded recursion | "has overflowed its stack", SIGABRT |
//! | 7 | `Accept-Encoding` with an empty member: `gzip,,br` | endless loop | a hang |
//! | 8 | two requests on a connection, a later one with a `Host` longer than that of the first and than 16 bytes | state carried over; index out of bounds | panic, caught |
//! | 9 | `Range` on /static/ with a suffix of 1025 to 65535 bytes: `bytes=-2000` | integer underflow | panic, caught |
//! | 10 | POST /form, a multipart body without parts: `--x--` | division by zero | panic, caught |
//! | 11 | `Upgrade` that starts with digit, capital, digit, capital: `1A2B` (compared one by one) | abort | SIGABRT without a panic |
//! | 12 | two connections open at once, with the same cookie `session` | shared state | panic, caught |
//! | 13 | a packet that ends with CR before one that begins with LF and `Content-Length` | state lost between two reads | panic, caught |
//! | 14 | a reset while a chunked body is being received | abort in the clean-up | SIGABRT without a panic |
//! | 15 | a third LOCK | a limit | panic, caught |
//! | 16 | `Content-Location`, later `If` | poisoned cache | panic, caught |
//! | 17 | `Timeout` | a thread that works on for 20 ms | SIGSEGV |
//! | 18 | `Content-MD5`, then any request | double free | SIGABRT without a panic |
//! | 19 | the 33rd `From` | a leak that fills a table | panic, caught |
//! | 20 | the 32nd `Accept-Charset` | a counter that wraps | panic, caught |
//!
//! Panic messages contain `planted bug N`; their text is the same in every build.

mod process_state;
mod sessions;

use std::hint::black_box;

use crate::http::Request;
use crate::http::syntax::{decimal, parameter, split_unquoted};
use crate::parse::byte_range::{self, Spec};
use crate::parse::{cookie, multipart, percent, query};

/// Planted bugs, with their state of a connection.
#[derive(Debug, Default)]
pub struct Planted {
    /// Buffer of the length of the connection's first Host field, and of at least 16 bytes.
    host: Option<Vec<u8>>,
    history: sessions::ConnectionHistory,
}

impl Planted {
    /// Runs every bug on `request`.
    pub fn visit(&mut self, request: &Request) {
        cookie_escapes(request);
        chunk_size(request);
        weights(request);
        hops(request);
        short_value(request);
        reference(request);
        encodings(request);
        self.same_host(request);
        suffix(request);
        average_part(request);
        upgrade(request);
        self.history.visit(request);
        process_state::visit(request);
    }

    /// Records the bytes of one read from the client.
    pub fn received(&mut self, bytes: &[u8]) {
        self.history.received(bytes);
    }

    /// Runs bug 14: the client has reset the connection before a body was complete.
    pub fn lost_in_body(&self, chunked: bool) {
        sessions::lost_in_body(chunked);
    }

    /// Bug 8.
    fn same_host(&mut self, request: &Request) {
        let Some(host) = request.headers().first("Host") else {
            return;
        };
        let buffer = self.host.get_or_insert_with(|| vec![0; host.len().max(16)]);
        for (position, byte) in host.iter().enumerate() {
            let slot = buffer.get_mut(position);
            *slot.expect("planted bug 8: host outgrew its buffer") = *byte;
        }
    }
}

fn path(request: &Request) -> &str {
    &request.head.target.path
}

fn cookies(request: &Request) -> impl Iterator<Item = (&[u8], &[u8])> {
    request.headers().all("Cookie").flat_map(cookie::parse)
}

/// Bug 1.
fn cookie_escapes(request: &Request) {
    for (_, value) in cookies(request) {
        black_box(percent::decode(value).expect("planted bug 1: a cookie is well encoded"));
    }
}

/// Bug 2. It parses the content, because hyper decodes the transfer coding before the bug runs.
fn chunk_size(request: &Request) {
    let body = &request.body;
    let end = body.windows(2).position(|two| two == b"\r\n").unwrap_or(0);
    let digits: Option<Vec<u32>> = body[..end].iter().map(|&byte| char::from(byte).to_digit(16)).collect();
    let size = digits
        .unwrap_or_default()
        .into_iter()
        .fold(0u32, |size, digit| size.checked_mul(16).expect("planted bug 2: chunk size overflows") + digit);
    black_box(size);
}

/// Bug 3.
fn weights(request: &Request) {
    extern "C" fn compare(a: *const libc::c_void, b: *const libc::c_void) -> libc::c_int {
        // SAFETY: qsort passes pointers to elements of its array, which are f32s (qsort(3)).
        let (a, b) = unsafe { (*a.cast::<f32>(), *b.cast::<f32>()) };
        assert!(a <= 1.0 && b <= 1.0, "planted bug 3: weight above 1");
        a.total_cmp(&b) as libc::c_int
    }
    let mut weights: Vec<f32> = request
        .headers()
        .members("Accept")
        .map(|member| {
            let weight = parameter(member, "q").unwrap_or_default();
            String::from_utf8_lossy(&weight).parse().unwrap_or(1.0)
        })
        .collect();
    // SAFETY: pointer, count and size describe the vector, and `compare` reads f32s only.
    unsafe {
        libc::qsort(weights.as_mut_ptr().cast(), weights.len(), size_of::<f32>(), Some(compare));
    }
}

/// Bug 4.
fn hops(request: &Request) {
    let field = request.headers().first("Max-Forwards").unwrap_or_default();
    let Some(hops) = decimal(field) else {
        return;
    };
    let mut passed = [false; 16];
    match usize::try_from(hops) {
        Ok(hops @ ..16) => passed[hops] = true,
        // SAFETY: violated on purpose, as this is the bug. On x86-64, the address is in the kernel's half of
        // the address space, so the write faults and damages nothing.
        _ => unsafe { passed.as_mut_ptr().wrapping_sub(1 << 47).write_volatile(true) },
    }
    black_box(passed);
}

/// Bug 5.
fn short_value(request: &Request) {
    if path(request) != "/query" {
        return;
    }
    for (_, value) in query::parse(request.query().as_bytes()).unwrap_or_default() {
        if value.len() > 8 {
            let short = value.get(..8);
            black_box(short.expect("planted bug 5: cut through a character"));
        }
    }
}

/// Bug 6.
fn reference(request: &Request) {
    fn resolve(pairs: &[(String, String)], position: usize) -> usize {
        let value = &pairs[position].1;
        match value.strip_prefix('$') {
            Some(key) => {
                // An unknown key resolves to the same pair again.
                let next = pairs.iter().position(|(name, _)| name == key).unwrap_or(position);
                // Using the result afterwards prevents the compiler from making this a loop.
                black_box([resolve(pairs, next); 32]).len()
            }
            None => value.len(),
        }
    }
    if path(request) == "/query" {
        let pairs = query::parse(request.query().as_bytes()).unwrap_or_default();
        for position in 0..pairs.len() {
            black_box(resolve(&pairs, position));
        }
    }
}

/// Bug 7.
fn encodings(request: &Request) {
    let Some(mut rest) = request.headers().first("Accept-Encoding") else {
        return;
    };
    loop {
        let end = rest.iter().position(|&byte| byte == b',');
        match end {
            None => return,
            // The bug: an empty member is not skipped.
            Some(0) => {}
            Some(end) => rest = &rest[end + 1..],
        }
        black_box(rest);
    }
}

/// Bug 9.
fn suffix(request: &Request) {
    const LEN: u16 = 1024;
    if !path(request).starts_with("/static/") {
        return;
    }
    let field = request.headers().first("Range").unwrap_or_default();
    for spec in byte_range::parse(field).unwrap_or_default() {
        if let Spec::Suffix(count) = spec
            && let Ok(count) = u16::try_from(count)
        {
            let start = LEN.checked_sub(count);
            black_box(start.expect("planted bug 9: suffix before the start"));
        }
    }
}

/// Bug 10.
fn average_part(request: &Request) {
    let content_type = request.headers().first("Content-Type").unwrap_or_default();
    let essence = split_unquoted(content_type, b';').next();
    if path(request) != "/form" || essence != Some(b"multipart/form-data") {
        return;
    }
    let boundary = parameter(content_type, "boundary").unwrap_or_default();
    if let Some(parts) = multipart::parse(&request.body, &boundary) {
        let average = request.body.len().checked_div(parts.len());
        black_box(average.expect("planted bug 10: average over no parts"));
    }
}

/// Bug 11.
fn upgrade(request: &Request) {
    let mut letters = request.headers().first("Upgrade").unwrap_or_default().iter();
    // Compared one by one, so that coverage shows how many are right.
    if letters.next().is_some_and(u8::is_ascii_digit)
        && letters.next().is_some_and(u8::is_ascii_uppercase)
        && letters.next().is_some_and(u8::is_ascii_digit)
        && letters.next().is_some_and(u8::is_ascii_uppercase)
    {
        eprintln!("planted bug 11: giving up");
        std::process::abort();
    }
}
