//! Conditional requests: entity tags and dates (RFC 9110, section 13).

use std::time::SystemTime;

use crate::http::Headers;

/// Validators that identify the current state of a document.
#[derive(Debug, Clone)]
pub struct Validator {
    /// A strong entity tag, with its quotes.
    pub etag: String,
    /// Time of the last change, in whole seconds.
    pub modified: SystemTime,
}

/// Result of the conditions of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The document is to be sent.
    Send,
    /// The client has this state already: 304.
    Known,
    /// The client requires another state: 412.
    Changed,
}

impl Validator {
    /// Evaluates the conditions in the order of RFC 9110, section 13.2.2. A date counts only if the
    /// corresponding entity tags are missing. A malformed date does not count.
    pub fn check(&self, headers: &Headers) -> Verdict {
        let same = match any_tag(headers, "If-Match", |tag| tag == self.etag.as_bytes()) {
            Some(matches) => matches,
            None => date(headers, "If-Unmodified-Since").is_none_or(|date| self.modified <= date),
        };
        let known = match any_tag(headers, "If-None-Match", |tag| self.matches_weakly(tag)) {
            Some(matches) => matches,
            None => date(headers, "If-Modified-Since").is_some_and(|date| self.modified <= date),
        };
        match (same, known) {
            (false, _) => Verdict::Changed,
            (true, true) => Verdict::Known,
            (true, false) => Verdict::Send,
        }
    }

    /// Whether a Range field applies: If-Range is missing, or identifies the current state
    /// (RFC 9110, section 13.1.5).
    pub fn allows_range(&self, headers: &Headers) -> bool {
        let Some(condition) = headers.text("If-Range") else {
            return true;
        };
        condition == self.etag || date(headers, "If-Range") == Some(self.modified)
    }

    fn matches_weakly(&self, tag: &[u8]) -> bool {
        tag.strip_prefix(b"W/").unwrap_or(tag) == self.etag.as_bytes()
    }
}

/// Whether any tag of the list `name` is `*` or matches; `None` without such a list.
fn any_tag(headers: &Headers, name: &str, matches: impl Fn(&[u8]) -> bool) -> Option<bool> {
    headers.first(name)?;
    Some(headers.members(name).any(|tag| tag == b"*" || matches(tag)))
}

fn date(headers: &Headers, name: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(&headers.text(name)?).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn validator() -> Validator {
        Validator {
            etag: "\"a,b\"".into(),
            modified: SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000),
        }
    }

    fn headers(fields: &[(&str, &str)]) -> Headers {
        let mut headers = Headers::default();
        for (name, value) in fields {
            headers.push(*name, *value);
        }
        headers
    }

    const SAME: &str = "Sun, 09 Sep 2001 01:46:40 GMT";
    const EARLIER: &str = "Sun, 09 Sep 2001 01:46:39 GMT";

    fn verdict(fields: &[(&str, &str)]) -> Verdict {
        validator().check(&headers(fields))
    }

    #[test]
    fn unmodified_document_is_not_sent_again() {
        use Verdict::{Known, Send};
        assert_eq!(verdict(&[("If-None-Match", "\"x\", W/\"a,b\"")]), Known);
        assert_eq!(verdict(&[("If-None-Match", "*")]), Known);
        assert_eq!(verdict(&[("If-None-Match", "\"a\"")]), Send);
        assert_eq!(verdict(&[("If-Modified-Since", SAME)]), Known);
        assert_eq!(verdict(&[("If-Modified-Since", EARLIER)]), Send);
        assert_eq!(verdict(&[("If-Modified-Since", "yesterday")]), Send);
        let tag_first = [("If-None-Match", "\"x\""), ("If-Modified-Since", SAME)];
        assert_eq!(verdict(&tag_first), Send);
        assert_eq!(verdict(&[]), Send);
    }

    #[test]
    fn failed_preconditions_are_reported() {
        use Verdict::{Changed, Known, Send};
        assert_eq!(verdict(&[("If-Match", "\"x\", \"a,b\"")]), Send);
        assert_eq!(verdict(&[("If-Match", "*")]), Send);
        assert_eq!(verdict(&[("If-Match", "W/\"a,b\"")]), Changed);
        assert_eq!(verdict(&[("If-Unmodified-Since", SAME)]), Send);
        assert_eq!(verdict(&[("If-Unmodified-Since", EARLIER)]), Changed);
        assert_eq!(verdict(&[("If-Unmodified-Since", "yesterday")]), Send);
        let both = [("If-None-Match", "*"), ("If-Match", "\"x\"")];
        assert_eq!(verdict(&both), Changed);
        let both = [("If-None-Match", "*"), ("If-Match", "*")];
        assert_eq!(verdict(&both), Known);
    }

    #[test]
    fn if_range_compares_strongly() {
        let allows = |value| validator().allows_range(&headers(&[("If-Range", value)]));
        assert!(allows("\"a,b\""));
        assert!(allows(SAME));
        assert!(!allows("W/\"a,b\""));
        assert!(!allows(EARLIER));
        assert!(validator().allows_range(&headers(&[])));
    }
}
