//! Integers with a prefix (RFC 7541, section 5.1).

/// Maximum number of bytes after the prefix. They hold 28 bits, as many as decoders accept.
const MAX_CONTINUATION_BYTES: usize = 4;

/// Parses an integer from the front of `bytes`; `None` if it is truncated, too large, or overlong.
pub(super) fn parse(bytes: &mut &[u8], prefix: u32) -> Option<u32> {
    let mask = (1 << prefix) - 1;
    let (&first, rest) = bytes.split_first()?;
    let value = u32::from(first) & mask;
    if value < mask {
        *bytes = rest;
        return Some(value);
    }
    let mut more = 0;
    for (position, &byte) in rest.iter().take(MAX_CONTINUATION_BYTES).enumerate() {
        more |= u32::from(byte & 0x7f) << (7 * position);
        if byte < 0x80 {
            *bytes = &rest[position + 1..];
            let shortest = byte != 0 || position == 0;
            return shortest.then_some(mask + more);
        }
    }
    None
}

/// Appends an integer with its prefix in the low `prefix` bits of the first byte; `first` gives the other bits.
pub(super) fn serialise_into(value: u32, first: u8, prefix: u32, bytes: &mut Vec<u8>) {
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
