//! Routes: methods and path patterns, as descriptions of APIs and routers have them. `{…}` stands for any segment, or a part of one.

use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// File with the routes of descriptions, in a corpus directory. Of what is hidden, afl-fuzz reads files, but not directories
/// (AFL++'s src/afl-fuzz-init.c).
const FILE: &str = ".sockfuzz/routes";

/// Segment for values that are not told apart.
pub const ANY: &str = "{…}";

/// Maximum length of a segment that can be the name of something, in bytes.
const MAX_NAME_BYTES: usize = 40;

/// Minimum number of hexadecimal digits that are an id.
const MIN_HEX_DIGITS: usize = 8;

/// Maximum length of a method, in bytes.
const MAX_METHOD_BYTES: usize = 16;

/// Method and path pattern.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Route {
    /// Pattern of the path, without a query.
    pub path: String,
    /// The method.
    pub method: String,
}

impl Route {
    /// Creates a route.
    #[must_use]
    pub fn new(method: &str, path: &str) -> Self {
        Self { method: method.to_owned(), path: path.to_owned() }
    }

    /// Returns the route of a request, with [`ANY`] in the place of numbers, ids, and what is no name. `None` if the method is not
    /// like those of HTTP, or the path is not absolute.
    #[must_use]
    pub fn of_request(method: &[u8], path: &[u8]) -> Option<Self> {
        let is_method = (1..=MAX_METHOD_BYTES).contains(&method.len())
            && method.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'-');
        let segments = path.strip_prefix(b"/").filter(|_| is_method)?.split(|&byte| byte == b'/');
        let pattern = |segment: &[u8]| match std::str::from_utf8(segment) {
            Ok(name) if is_name(name) => format!("/{name}"),
            _ => format!("/{ANY}"),
        };
        Some(Self {
            method: String::from_utf8_lossy(method).into_owned(),
            path: segments.map(pattern).collect(),
        })
    }

    /// Whether the route has a pattern, so that several paths match it.
    #[must_use]
    pub fn is_template(&self) -> bool {
        self.path.contains('{')
    }

    /// Whether a request matches the route.
    #[must_use]
    pub fn matches(&self, method: &[u8], path: &[u8]) -> bool {
        let own = self.path.split('/');
        let segments = path.split(|&byte| byte == b'/');
        self.method.as_bytes() == method
            && own.clone().count() == segments.clone().count()
            && own.zip(segments).all(|(own, segment)| segment_matches(own, segment))
    }

    /// Reads a line, as it is shown.
    fn parse(line: &str) -> Option<Self> {
        let (method, path) = line.split_once(' ')?;
        Some(Self::new(method, path))
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// Whether a segment can be the name of something: not an id, and of letters, digits and marks that need no encoding. The last
/// segment of a path that ends with a slash is empty.
fn is_name(segment: &str) -> bool {
    let is_id =
        !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit() || b"-.".contains(&byte));
    let digits = segment.bytes().filter(|&byte| byte != b'-');
    let is_hex = digits.clone().all(|byte| byte.is_ascii_hexdigit())
        && digits.clone().any(|byte| byte.is_ascii_digit())
        && digits.count() >= MIN_HEX_DIGITS;
    let is_plain = segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    is_plain && !is_id && !is_hex && segment.len() <= MAX_NAME_BYTES
}

fn segment_matches(pattern: &str, segment: &[u8]) -> bool {
    match (pattern.find('{'), pattern.rfind('}')) {
        (Some(begin), Some(end)) if begin < end => {
            let (before, after) = (&pattern.as_bytes()[..begin], &pattern.as_bytes()[end + 1..]);
            segment.len() > before.len() + after.len()
                && segment.starts_with(before)
                && segment.ends_with(after)
        }
        _ => pattern.as_bytes() == segment,
    }
}

/// Reads the routes of the descriptions that were imported into a corpus directory.
#[must_use]
pub fn of_corpus(directory: &Path) -> Vec<Route> {
    read(&directory.join(FILE))
}

/// Adds routes to those of a corpus directory.
///
/// # Errors
/// When the file cannot be written.
pub fn add_to_corpus(directory: &Path, routes: &[Route]) -> Result<()> {
    let file = directory.join(FILE);
    if !routes.is_empty()
        && let Some(hidden) = file.parent()
    {
        fs::create_dir_all(hidden).with_context(|| format!("cannot create {}", hidden.display()))?;
    }
    add(&file, routes)
}

/// Reads the routes in a file, one in each line. Returns none if there is no file.
#[must_use]
pub fn read(file: &Path) -> Vec<Route> {
    fs::read_to_string(file).unwrap_or_default().lines().filter_map(Route::parse).collect()
}

/// Adds routes to those in a file, unless there are none.
///
/// # Errors
/// When the file cannot be written.
pub fn add(file: &Path, routes: &[Route]) -> Result<()> {
    if routes.is_empty() {
        return Ok(());
    }
    let mut all = [&read(file), routes].concat();
    all.sort();
    all.dedup();
    let text: String = all.iter().map(|route| format!("{route}\n")).collect();
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(path: &str) -> String {
        Route::of_request(b"GET", path.as_bytes()).expect("a route").path
    }

    #[test]
    fn ids_and_garbage_are_grouped() {
        for (path, expected) in [
            ("/", "/"),
            ("/users/17", "/users/{…}"),
            ("/users/17/posts/", "/users/{…}/posts/"),
            ("/v1/6ba7b810-9dad-11d1-80b4-00c04fd430c8.", "/v1/6ba7b810-9dad-11d1-80b4-00c04fd430c8."),
            ("/v1/6ba7b810-9dad-11d1-80b4-00c04fd430c8", "/v1/{…}"),
            ("/deadbeef/2024-02-29", "/deadbeef/{…}"),
            ("/commit/deadbe0f", "/commit/{…}"),
            ("/a%2fb/x", "/{…}/x"),
            ("/static/app.min.js", "/static/app.min.js"),
            ("/1.5", "/{…}"),
        ] {
            assert_eq!(pattern(path), expected, "{path}");
        }
        assert_eq!(pattern(&format!("/{}", "a".repeat(100))), "/{…}");
    }

    #[test]
    fn what_is_no_request_for_a_path_has_no_route() {
        assert_eq!(Route::of_request(b"get", b"/"), None);
        assert_eq!(Route::of_request(b"GET", b"x"), None);
        assert_eq!(Route::of_request(b"", b"/"), None);
    }

    #[test]
    fn templates_match_segments_and_parts_of_them() {
        let route = Route::new("GET", "/users/{id}/files/{name}.json");
        assert!(route.matches(b"GET", b"/users/7/files/a.b.json"));
        assert!(!route.matches(b"PUT", b"/users/7/files/a.json"));
        for path in
            ["/users/7/files/.json", "/users//files/a.json", "/users/7/files", "/users/7/files/a.json/"]
        {
            assert!(!route.matches(b"GET", path.as_bytes()), "{path}");
        }
    }

    #[test]
    fn routes_of_a_corpus_are_kept_once() {
        let directory = tempfile::tempdir().expect("tempdir");
        assert_eq!(of_corpus(directory.path()), []);
        let [one, two] = [Route::new("GET", "/a/{id}"), Route::new("POST", "/a b")];
        add_to_corpus(directory.path(), std::slice::from_ref(&two)).expect("written");
        add_to_corpus(directory.path(), &[one.clone(), two.clone()]).expect("written");
        assert_eq!(of_corpus(directory.path()), [two, one]);
    }
}
