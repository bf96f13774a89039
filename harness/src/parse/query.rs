//! Key-value pairs as in queries and forms (`application/x-www-form-urlencoded`, WHATWG URL
//! Standard, section 5.1).

use super::percent;

/// Decodes the pairs of `text`; `None` for a broken escape. A key without `=` has an empty value;
/// bytes that are not UTF-8 are replaced.
pub fn parse(text: &[u8]) -> Option<Vec<(String, String)>> {
    text.split(|&byte| byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let equals = pair.iter().position(|&byte| byte == b'=');
            let (key, value) = match equals {
                Some(equals) => (&pair[..equals], &pair[equals + 1..]),
                None => (pair, &[][..]),
            };
            Some((component(key)?, component(value)?))
        })
        .collect()
}

/// Returns the value of the first pair with the key `key`.
pub fn value(text: &[u8], key: &str) -> Option<String> {
    let pairs = parse(text)?;
    pairs.into_iter().find_map(|(name, value)| (name == key).then_some(value))
}

fn component(text: &[u8]) -> Option<String> {
    let spaced: Vec<u8> = text.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect();
    Some(String::from_utf8_lossy(&percent::decode(&spaced)?).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Option<Vec<(String, String)>> {
        parse(text.as_bytes())
    }

    fn owned(pairs: &[(&str, &str)]) -> Option<Vec<(String, String)>> {
        let owned = |(key, value): &(&str, &str)| (key.to_string(), value.to_string());
        Some(pairs.iter().map(owned).collect())
    }

    #[test]
    fn keys_and_values_are_decoded() {
        assert_eq!(
            pairs("a=1&b+c=%C3%A9%2B&&d&e=f=g&=h"),
            owned(&[("a", "1"), ("b c", "é+"), ("d", ""), ("e", "f=g"), ("", "h")])
        );
        assert_eq!(pairs(""), owned(&[]));
        assert_eq!(pairs("%ff=1"), owned(&[("\u{fffd}", "1")]));
        assert_eq!(pairs("a=%4"), None);
    }

    #[test]
    fn the_first_of_equal_keys_counts() {
        assert_eq!(value(b"a=1&a=2", "a").as_deref(), Some("1"));
        assert_eq!(value(b"a=1", "b"), None);
    }
}
