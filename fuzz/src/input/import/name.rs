//! File names of inputs, derived from their first request.

/// Maximum length of a name's part, in characters.
const MAX_PATH_CHARS: usize = 40;

/// Returns a name made of the first request's method and path, such as `get-static-notes.txt`.
pub(super) fn of_bytes(bytes: &[u8]) -> String {
    let line = bytes.split(|&byte| byte == b'\r' || byte == b'\n').find(|line| !line.is_empty());
    let mut words = line.unwrap_or_default().split(|&byte| byte == b' ');
    match (words.next(), words.next()) {
        (Some(b"PRI"), Some(b"*")) => "http2".to_owned(),
        (Some(method), Some(target)) if method.iter().all(u8::is_ascii_alphabetic) => {
            let path = target.split(|&byte| byte == b'?').next().unwrap_or_default();
            match plain(path) {
                path if path.is_empty() => format!("{}-root", plain(method)),
                path => format!("{}-{path}", plain(method)),
            }
        }
        _ => "bytes".to_owned(),
    }
}

/// Converts letters to lower case, keeps digits and dots, and replaces each run of other bytes by a hyphen.
pub(super) fn plain(text: &[u8]) -> String {
    let mut name = String::new();
    for &byte in text.iter() {
        let letter = char::from(byte.to_ascii_lowercase());
        match letter {
            'a'..='z' | '0'..='9' => name.push(letter),
            '.' if !name.is_empty() => name.push(letter),
            _ if !name.is_empty() && !name.ends_with('-') => name.push('-'),
            _ => {}
        }
    }
    name.truncate(MAX_PATH_CHARS);
    name.trim_end_matches(['-', '.']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_contain_method_and_path() {
        assert_eq!(of_bytes(b"GET /static/Notes.txt?q=1 HTTP/1.1\r\n\r\n"), "get-static-notes.txt");
        assert_eq!(of_bytes(b"\r\nPOST / HTTP/1.1\r\n"), "post-root");
        assert_eq!(of_bytes(b"GET /../..%2f/etc/ HTTP/1.1\r\n"), "get-2f-etc");
        assert_eq!(of_bytes(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "http2");
        assert_eq!(of_bytes(b"\x16\x03"), "bytes");
    }
}
