//! Classes of the status codes in answers (RFC 9110, section 15), counted over all seeds.

use std::fmt;

/// Numbers of answers, by the class of their first final status code.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StatusClasses {
    /// Answers with 2xx, 3xx, 4xx and 5xx.
    classes: [usize; 4],
    /// Answers that begin with another status line or none.
    other: usize,
    /// Empty answers.
    none: usize,
}

impl StatusClasses {
    /// Counts an answer.
    pub fn add(&mut self, answer: &[u8]) {
        match class(answer) {
            Some(class @ 2..=5) => self.classes[class - 2] += 1,
            _ if answer.is_empty() => self.none += 1,
            _ => self.other += 1,
        }
    }

    /// Whether there are answers with a status code, and all of them report a failure (4xx or 5xx).
    #[must_use]
    pub fn are_all_refusals(&self) -> bool {
        let [success, redirection, client, server] = self.classes;
        success + redirection == 0 && client + server > 0
    }
}

impl fmt::Display for StatusClasses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [success, redirection, client, server] = self.classes;
        write!(f, "2xx {success}, 3xx {redirection}, 4xx {client}, 5xx {server}")?;
        write!(f, ", other {}, none {}", self.other, self.none)
    }
}

/// Returns the class of the first status code that is not 1xx.
fn class(answer: &[u8]) -> Option<usize> {
    let lines = answer.split(|&b| b == b'\n');
    let digits = lines.filter_map(|line| Some(line.strip_prefix(b"HTTP/1.")?.get(2)?.wrapping_sub(b'0')));
    digits.map(usize::from).find(|class| *class != 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_final_status_code_is_counted() {
        let mut classes = StatusClasses::default();
        for answer in [
            &b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\n\r\n"[..],
            b"HTTP/1.0 503 No\r\n\r\n",
            b"<html>",
            b"",
        ] {
            classes.add(answer);
        }
        assert_eq!(classes.to_string(), "2xx 0, 3xx 0, 4xx 1, 5xx 1, other 1, none 1");
        assert!(classes.are_all_refusals());
        classes.add(b"HTTP/1.1 304 Not Modified\r\n\r\n");
        assert!(!classes.are_all_refusals());
    }
}
