//! Grouping of paths of which nothing is known: where many different names occur at the same place, they are values, not names.

use std::collections::{BTreeMap, BTreeSet};

use crate::input::route::{ANY, Route};

/// Number of names at one place above which they are values.
const MAX_NAMES: usize = 12;

/// Returns for each route that with [`ANY`] at all places that hold many names. Such a place is that behind the same segments, of
/// paths with the same method.
pub(super) fn grouped(routes: &BTreeSet<Route>) -> BTreeMap<Route, Route> {
    let mut segments: BTreeMap<&Route, Vec<&str>> =
        routes.iter().map(|route| (route, route.path.split('/').collect())).collect();
    let depth = segments.values().map(Vec::len).max().unwrap_or(0);
    // What comes before a place is grouped already when the place is.
    for place in 1..depth {
        let key = |route: &Route, path: &[&str]| (route.method.clone(), path[..place].join("/"));
        let mut names: BTreeMap<(String, String), BTreeSet<&str>> = BTreeMap::new();
        for (route, path) in segments.iter().filter(|(_, path)| path.len() > place) {
            names.entry(key(route, path)).or_default().insert(path[place]);
        }
        for (route, path) in &mut segments {
            if path.len() > place && names[&key(route, path)].len() > MAX_NAMES {
                path[place] = ANY;
            }
        }
    }
    segments
        .into_iter()
        .map(|(route, path)| (route.clone(), Route::new(&route.method, &path.join("/"))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_names_at_one_place_are_values() {
        let mut routes: BTreeSet<Route> =
            (0..20).map(|n| Route::new("GET", &format!("/files/x{n}q/raw"))).collect();
        routes.insert(Route::new("GET", "/files/a/info"));
        routes.insert(Route::new("PUT", "/files/a/raw"));
        let grouped: BTreeSet<String> = grouped(&routes).values().map(ToString::to_string).collect();
        let expected = ["GET /files/{…}/info", "GET /files/{…}/raw", "PUT /files/a/raw"];
        assert_eq!(grouped.into_iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn few_names_stay() {
        let routes: BTreeSet<Route> =
            ["/a", "/b", "/c/d"].iter().map(|path| Route::new("GET", path)).collect();
        assert!(grouped(&routes).iter().all(|(one, other)| one == other));
    }
}
