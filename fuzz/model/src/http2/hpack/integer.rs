//! Integers with a prefix (RFC 7541, section 5.1).

/// Most bytes after the prefix: enough for 28 bits, and what decoders accept.
const MAX_CONTINUATION: usize = 4;

/// Takes an integer; `None` where it is cut off, too long, or longer than it need be.
pub(super) fn take(bytes: &mut &[u8], prefix: u32) -> Option<u32> {
    let mask = (1 << prefix) - 1;
    let (&first, rest) = bytes.split_first()?;
    let value = u32::from(first) & mask;
    if value < mask {
        *bytes = rest;
        return Some(value);
    }
    let mut more = 0;
    for (position, &byte) in rest.iter().take(MAX_CONTINUATION).enumerate() {
        more |= u32::from(byte & 0x7f) << (7 * position);
        if byte < 0x80 {
            *bytes = &rest[position + 1..];
            let shortest = byte != 0 || position == 0;
            return shortest.then_some(mask + more);
        }
    }
    None
}

/// Appends an integer behind the bits of `first` that its prefix leaves.
pub(super) fn put(value: u32, first: u8, prefix: u32, bytes: &mut Vec<u8>) {
    let mask = (1 << prefix) - 1;
    if value < mask {
        bytes.push(first | value as u8);
        return;
    }
    bytes.push(first | mask as u8);
    let mut rest = value - mask;
    while rest >= 0x80 {
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
}
