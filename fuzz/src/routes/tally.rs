//! Tally of exchanges by their routes.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::grouping::grouped;
use super::summary::{RouteAnswers, RouteSummary};
use crate::input::exchange::Exchange;
use crate::input::route::Route;

/// Status codes for requests that the server does not know (RFC 9110, section 15).
const UNKNOWN: [u16; 6] = [400, 404, 405, 414, 501, 505];

/// Classes of answers: none, then those of the status codes.
const CLASSES: usize = 6;

/// Inputs by route, as far as they have been added.
#[derive(Debug)]
pub struct RouteTally {
    known: Vec<Route>,
    /// Indices in `known` of the routes without a pattern.
    literal: HashMap<Route, usize>,
    templates: Vec<usize>,
    counts: BTreeMap<Route, RouteCounts>,
    unknown_paths: HashSet<u64>,
    unknown_inputs: usize,
}

/// Inputs of one route.
#[derive(Debug, Clone, Copy, Default)]
struct RouteCounts {
    inputs: usize,
    by_class: [usize; CLASSES],
}

impl RouteTally {
    /// Begins with these known routes.
    #[must_use]
    pub fn new(known: Vec<Route>) -> Self {
        let numbered = || known.iter().cloned().zip(0..);
        let literal = numbered().filter(|(route, _)| !route.is_template()).collect();
        let templates = numbered().filter(|(route, _)| route.is_template()).map(|(_, index)| index).collect();
        let counts = known.iter().map(|route| (route.clone(), RouteCounts::default())).collect();
        Self { known, literal, templates, counts, unknown_paths: HashSet::new(), unknown_inputs: 0 }
    }

    /// Adds the exchanges of one input.
    pub fn add(&mut self, exchanges: &[Exchange]) {
        let mut routes: BTreeSet<(Route, usize)> = BTreeSet::new();
        let mut has_unknown = false;
        for it in exchanges {
            let known = self.known_route(it);
            let is_unknown = it.status.is_none_or(|status| UNKNOWN.contains(&status));
            match known.or_else(|| Route::of_request(&it.method, &it.path).filter(|_| !is_unknown)) {
                Some(route) => {
                    let class = it.status.map_or(0, |status| usize::from(status / 100).min(CLASSES - 1));
                    routes.insert((route, class));
                }
                None => {
                    has_unknown = true;
                    let mut hasher = DefaultHasher::new();
                    it.path.hash(&mut hasher);
                    self.unknown_paths.insert(hasher.finish());
                }
            }
        }
        self.unknown_inputs += usize::from(has_unknown);
        let mut last = None;
        for (route, class) in routes {
            let counts = self.counts.entry(route.clone()).or_default();
            counts.by_class[class] += 1;
            counts.inputs += usize::from(last.as_ref() != Some(&route));
            last = Some(route);
        }
    }

    /// Returns the known route of a request. A route without a pattern goes before one with it.
    fn known_route(&self, it: &Exchange) -> Option<Route> {
        let literal = || {
            let [method, path] = [&it.method, &it.path].map(|bytes| std::str::from_utf8(bytes).ok());
            self.literal.get(&Route::new(method?, path?)).copied()
        };
        let template =
            || self.templates.iter().copied().find(|&index| self.known[index].matches(&it.method, &it.path));
        literal().or_else(template).map(|index| self.known[index].clone())
    }

    /// Returns the summary of what was added: this number of all inputs.
    #[must_use]
    pub fn summary(self, inputs_played: usize, inputs: usize) -> RouteSummary {
        let known: BTreeSet<&Route> = self.known.iter().collect();
        let others: BTreeSet<Route> =
            self.counts.keys().filter(|route| !known.contains(route)).cloned().collect();
        let groups = grouped(&others);
        let mut together: BTreeMap<(Route, bool), RouteCounts> = BTreeMap::new();
        for (route, counts) in &self.counts {
            let group = groups.get(route).unwrap_or(route).clone();
            let sum = together.entry((group, known.contains(route))).or_default();
            sum.inputs += counts.inputs;
            sum.by_class.iter_mut().zip(counts.by_class).for_each(|(sum, count)| *sum += count);
        }
        let mut summary = RouteSummary {
            inputs,
            inputs_played,
            routes: together
                .into_iter()
                .map(|((route, is_known), it)| answers(route, is_known, it))
                .collect(),
            unknown_paths: self.unknown_paths.len(),
            unknown_inputs: self.unknown_inputs,
        };
        summary.sort();
        summary
    }
}

fn answers(route: Route, is_known: bool, counts: RouteCounts) -> RouteAnswers {
    let [no_answer, other, success, redirection, client_error, server_error] = counts.by_class;
    RouteAnswers {
        method: route.method,
        path: route.path,
        is_known,
        lacks_success: is_known && success == 0,
        inputs: counts.inputs,
        success,
        redirection,
        client_error,
        server_error,
        // 101 is no class of its own: the answer is in another protocol.
        no_answer: no_answer + other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(method: &str, path: &str, status: u16) -> Exchange {
        let status = Some(status).filter(|status| *status > 0);
        Exchange { method: method.into(), path: path.into(), status }
    }

    #[test]
    fn inputs_are_counted_by_route_and_class() {
        let known =
            vec![Route::new("GET", "/users/{id}"), Route::new("GET", "/users/me"), Route::new("PUT", "/x")];
        let mut tally = RouteTally::new(known);
        tally.add(&[
            exchange("GET", "/users/7", 200),
            exchange("GET", "/users/8", 404),
            exchange("GET", "/zz", 404),
        ]);
        tally.add(&[exchange("GET", "/users/a%00", 200), exchange("GET", "/users/me", 403)]);
        tally.add(&[exchange("GET", "/found/12", 302), exchange("GET", "/zz", 0), exchange("g", "/y", 200)]);
        let summary = tally.summary(3, 4);
        let shown: Vec<_> = summary
            .routes
            .iter()
            .map(|it| format!("{} {} {}: {}", it.method, it.path, it.lacks_success, it.shown_answers()))
            .collect();
        let expected = [
            "GET /users/me true: 4xx 1",
            "PUT /x true: not requested",
            "GET /users/{id} false: 2xx 2, 4xx 1",
            "GET /found/{…} false: 3xx 1",
        ];
        assert_eq!(shown, expected);
        assert_eq!((summary.unknown_paths, summary.unknown_inputs), (2, 2));
        let text = summary.to_string();
        assert!(
            text.starts_with("3 known routes, 2 of them never answered 2xx:\n  GET     /users/me "),
            "{text}"
        );
        assert!(text.ends_with("3 of 4 inputs were played\n"), "{text}");
    }
}
