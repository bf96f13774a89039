//! The Cookie header (RFC 6265, section 5.4), parsed as leniently as browsers write it.

use crate::http::syntax::trim_ows;

/// Returns name and value of each pair in `field`. Removes quotes around a value, and skips pairs
/// without `=`.
pub fn parse(field: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    field.split(|&byte| byte == b';').filter_map(|pair| {
        let equals = pair.iter().position(|&byte| byte == b'=')?;
        let (name, value) = (trim_ows(&pair[..equals]), trim_ows(&pair[equals + 1..]));
        let unquoted = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
        Some((name, unquoted.unwrap_or(value)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_trimmed_and_unquoted() {
        let pairs: Vec<_> = parse(b"a=1; b = \"two\" ;;c; d=e=f; =g; h=\"").collect();
        let expected: [(&[u8], &[u8]); 5] =
            [(b"a", b"1"), (b"b", b"two"), (b"d", b"e=f"), (b"", b"g"), (b"h", b"\"")];
        assert_eq!(pairs, expected);
    }
}
