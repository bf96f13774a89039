use super::*;
use proptest::prelude::*;
use sockfuzz_protocol::session::{Action, Connection, Session};

/// Applies edits to an input.
fn edited(input: &[u8], format: InputFormat, edit: impl FnOnce(&mut Edits, &ParsedInput)) -> Vec<u8> {
    let (mut parent, mut edits, mut output) = (ParsedInput::default(), Edits::default(), Vec::new());
    parent.parse(input, format);
    edit(&mut edits, &parent);
    edits.apply(&parent, &parent, format, usize::MAX, &mut output);
    output
}

proptest! {
    #[test]
    fn empty_edits_preserve_the_input(pieces in prop::collection::vec(prop_oneof![
        any::<Vec<u8>>(),
        (prop::sample::select(&Action::<()>::ALL[..]), prop::sample::select(&Connection::ALL[..]))
            .prop_map(|(action, connection)| Marker { action, connection }.encode().to_vec()),
        Just(vec![0xf5]),
        Just(b"GET / HTTP/1.1\r\n\r\n".to_vec()),
    ], 0..12)) {
        let input = pieces.concat();
        prop_assert_eq!(&edited(&input, InputFormat::Raw, |_, _| {}), &input);
        let kept = edited(&input, InputFormat::Session, |_, _| {});
        prop_assert_eq!(Session::decode(&kept), Session::decode(&input));
    }
}

#[test]
fn edits_refer_to_the_parent_in_any_order() {
    let child = edited(b"abcdef", InputFormat::Raw, |edits, _| {
        assert!(edits.replace(4..5, b"E", Region::Elsewhere));
        assert!(edits.copy_from_parent(0..0, 2..4, Region::Elsewhere));
        assert!(edits.replace(1..2, b"", Region::Elsewhere));
        assert!(!edits.replace(3..6, b"x", Region::Elsewhere), "overlaps an edit");
    });
    assert_eq!(child, b"cdacdEf");
}

#[test]
fn markers_keep_their_positions() {
    let child = edited(b"ab\xf5\x40cd", InputFormat::Session, |edits, _| {
        assert!(edits.replace(0..1, b"xyz", Region::Elsewhere));
        assert!(edits.replace(3..4, b"\xf5", Region::Elsewhere));
    });
    assert_eq!(child, b"xyzb\xf5\x40c\xf5\xf5");
    let without = edited(b"ab\xf5\x40cd", InputFormat::Session, |edits, _| {
        edits.remove_marker(0);
    });
    assert_eq!(without, b"abcd");
}

#[test]
fn lengths_and_sizes_are_repaired() {
    let sized = b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc";
    let child = edited(sized, InputFormat::Raw, |edits, parent| {
        let end = parent.bytes.len();
        edits.replace(end..end, b"0123456789", Region::Body);
        edits.repair_lengths(parent);
    });
    assert!(child.ends_with(b"Content-Length: 13\r\n\r\nabc0123456789"));
    let chunked = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    let child = edited(chunked, InputFormat::Raw, |edits, parent| {
        let data = parent.outline.spans()[parent.outline.of(Kind::Data)[0] as usize].range();
        edits.replace(data.end..data.end, b"0123456789", Region::Body);
        edits.repair_lengths(parent);
    });
    assert!(child.ends_with(b"d\r\nabc0123456789\r\n0\r\n\r\n"));
}
