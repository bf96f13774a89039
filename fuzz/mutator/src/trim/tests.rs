//! Tests of trimming.

use sockfuzz_model::http2::{self, Connection, kind};
use sockfuzz_model::tls;

use super::*;

#[test]
fn trimming_http2_drops_whole_frames() {
    let (_, seed) = http2::seeds().into_iter().find(|(name, _)| *name == "reset-rapid").expect("a seed");
    let resets = |bytes: &[u8]| {
        let connection = Connection::parse(bytes);
        let frames = connection.frames.iter();
        let count = frames.filter(|frame| frame.kind == kind::RST_STREAM && frame.payload.len() == 4).count();
        connection.preface && connection.rest.is_empty() && count >= 2
    };
    let smallest = trimmed(&seed, InputFormat::Raw, 1, resets);
    assert_eq!(Connection::parse(&smallest).frames.len(), 2);
}

#[test]
fn trimming_tls_drops_records_and_items_with_their_lengths() {
    let (_, seed) = tls::seeds().into_iter().find(|(name, _)| *name == "certificate-client").expect("a seed");
    let seed = [&seed[..], b"\x15\x03\x03\0\x02\x01\0"].concat();
    // A server reads the first record only, and needs one extension.
    let is_hello = |bytes: &[u8]| {
        let stream = tls::RecordStream::parse(bytes);
        let Some(first) = stream.records.first().filter(|record| record.declared.is_none()) else {
            return false;
        };
        let content = tls::parse_content(first.header, &first.fragment);
        let wrong = |element: &tls::Element<'_>| {
            element.name == "rest"
                || matches!(element.content, tls::Content::Vector { declared: Some(_), .. })
        };
        content.count(&|element| element.name == "extension_type" && element.number() == Some(13)) == 1
            && content.count(&wrong) == 0
    };
    let smallest = trimmed(&seed, InputFormat::Raw, 16, is_hello);
    let stream = tls::RecordStream::parse(&smallest);
    assert_eq!((stream.records.len(), tls::item_count(&stream)), (1, 2), "{stream}");
}

/// Trims an input while `does` holds for the result.
fn trimmed(bytes: &[u8], input: InputFormat, smallest: usize, does: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut trimmer = Trimmer::default();
    let mut best = bytes.to_vec();
    let mut more = trimmer.begin(bytes, input, BlockSizes::down_to(smallest, 2));
    for _ in 0..10_000 {
        if !more {
            return best;
        }
        let proposal = trimmer.proposal().to_vec();
        assert!(!proposal.is_empty() && proposal.len() < best.len());
        let same = does(&proposal);
        if same {
            best = proposal;
        }
        more = trimmer.proceed(same);
    }
    panic!("trimming has not ended after 10,000 proposals");
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    memchr::memmem::find(bytes, word).is_some()
}

#[test]
fn trimming_drops_irrelevant_bytes() {
    let text = b"GET /a HTTP/1.1\r\nHost: b\r\nX: y\r\n\r\nPOST /c HTTP/1.1\r\nHost: needle\r\n\r\n";
    assert_eq!(trimmed(text, InputFormat::Raw, 1, |bytes| contains(bytes, b"needle")), b"needle");
    let kept = trimmed(text, InputFormat::Raw, 4, |bytes| contains(bytes, b"POST /c HTTP/1.1\r\n"));
    assert!(kept.len() < 30, "{}", String::from_utf8_lossy(&kept));
}

#[test]
fn trimming_drops_irrelevant_markers() {
    let session = b"GET /\xf5\x40a HTTP/1.1\r\n\xf5\x49\r\n\xf5\x41needle";
    assert_eq!(trimmed(session, InputFormat::Session, 1, |bytes| contains(bytes, b"needle")), b"needle");
    let kept = trimmed(session, InputFormat::Session, 1, |bytes| contains(bytes, b"\xf5\x41needle"));
    assert_eq!(kept, b"\xf5\x41needle");
}

#[test]
fn trimming_repairs_lengths() {
    let text = b"POST / HTTP/1.1\r\nContent-Length: 20\r\n\r\n01234567890123456789";
    let is_right = |bytes: &[u8]| {
        let Some(head) = memchr::memmem::find(bytes, b"\r\n\r\n") else { return false };
        let length = format!("Content-Length: {}\r\n", bytes.len() - head - 4);
        contains(bytes, length.as_bytes()) && contains(bytes, b"0")
    };
    assert!(is_right(text));
    let kept = trimmed(text, InputFormat::Raw, 1, is_right);
    assert!(kept.len() < 30, "{}", String::from_utf8_lossy(&kept));
}
