//! Classes of the status codes that the server has answered with, over a whole campaign.

use std::fmt;

use sockfuzz_protocol::Counter;

use crate::server::status_file::StatusFile;

/// Numbers of answers with 2xx, 3xx, 4xx and 5xx. Answers in HTTP/2, and those whose head does not begin a piece that the
/// server writes, are not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AnswerCounts([u64; 4]);

impl AnswerCounts {
    /// Reads the counters of the status page.
    #[must_use]
    pub fn read(status: &StatusFile) -> Self {
        let counters =
            [Counter::Successes, Counter::Redirections, Counter::ClientErrors, Counter::ServerErrors];
        Self(counters.map(|counter| status.count(counter)))
    }

    /// Returns the numbers of answers with 2xx, 3xx, 4xx and 5xx.
    #[must_use]
    pub fn by_class(&self) -> [u64; 4] {
        self.0
    }

    /// Whether any answer was counted.
    #[must_use]
    pub fn has_any(&self) -> bool {
        self.0.iter().any(|count| *count > 0)
    }

    /// Returns a warning if every answer refuses the request: the inputs reach no route of the server.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let [success, redirection, ..] = self.0;
        (self.has_any() && success + redirection == 0).then(|| {
            "no answer had a status code 2xx or 3xx: the inputs reach no route of the server. Give seeds with requests \
             that it serves (-i; sockfuzz corpus import converts recorded traffic)"
                .to_owned()
        })
    }
}

impl fmt::Display for AnswerCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total: u64 = self.0.iter().sum();
        let [success, redirection, client, server] =
            self.0.map(|count| count as f64 * 100.0 / total.max(1) as f64);
        write!(f, "2xx {success:.1} %, 3xx {redirection:.1} %, 4xx {client:.1} %, 5xx {server:.1} %")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_alone_cause_a_warning() {
        assert_eq!(AnswerCounts::default().warning(), None, "HTTP/2, say");
        assert!(AnswerCounts([0, 0, 9, 1]).warning().is_some_and(|text| text.contains("no route")));
        assert_eq!(AnswerCounts([0, 1, 9, 0]).warning(), None);
    }

    #[test]
    fn classes_are_shown_as_percentages() {
        assert_eq!(AnswerCounts([1, 0, 3, 0]).to_string(), "2xx 25.0 %, 3xx 0.0 %, 4xx 75.0 %, 5xx 0.0 %");
    }
}
