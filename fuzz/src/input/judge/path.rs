//! Paths of a description with their parameters, and the one that a request is meant for.

/// PathSegment of a described path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum PathSegment {
    /// This text.
    Literal(String),
    /// The value of this parameter.
    Parameter(String),
    /// Text and parameters. Which requests it stands for is unknown.
    Mixed,
}

/// Path of a description, behind the base path of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PathTemplate {
    /// As it is described.
    pub(super) path: String,
    /// Place of what is described, a JSON pointer.
    pub(super) place: String,
    segments: Vec<PathSegment>,
}

/// Path of a request whose segments every server reads in the same way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RequestPath {
    segments: Vec<String>,
}

impl RequestPath {
    /// Splits a path; `None` if it has empty, relative or escaped segments, which servers read in different ways. Spaces may be
    /// escaped.
    pub(super) fn parse(path: &str) -> Option<Self> {
        let path = path.strip_prefix('/')?;
        if path.is_empty() {
            return Some(Self { segments: Vec::new() });
        }
        let is_plain = |segment: &String| {
            let is_usual = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~ !$&'()*+,=:@".contains(&byte);
            !matches!(segment.as_str(), "" | "." | "..") && segment.bytes().all(is_usual)
        };
        let segments: Vec<_> = path.split('/').map(|segment| segment.replace("%20", " ")).collect();
        segments.iter().all(is_plain).then_some(Self { segments })
    }

    /// Returns the segments.
    pub(super) fn segments(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().map(String::as_str)
    }
}

impl PathTemplate {
    pub(super) fn new(base: &str, path: &str, place: String) -> Self {
        let whole = format!("{base}{path}");
        let segment = |text: &str| {
            let parameter = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            match parameter.filter(|name| !name.contains(['{', '}'])) {
                Some(name) => PathSegment::Parameter(name.to_owned()),
                None if text.contains(['{', '}', '%']) => PathSegment::Mixed,
                None => PathSegment::Literal(text.to_owned()),
            }
        };
        let relative = whole.strip_prefix('/').unwrap_or(&whole);
        let segments =
            if relative.is_empty() { Vec::new() } else { relative.split('/').map(segment).collect() };
        Self { path: path.to_owned(), place, segments }
    }

    fn matches(&self, path: &RequestPath) -> bool {
        self.segments.len() == path.segments.len()
            && self.segments.iter().zip(&path.segments).all(|(own, text)| match own {
                PathSegment::Literal(literal) => literal == text,
                PathSegment::Parameter(_) | PathSegment::Mixed => true,
            })
    }

    /// Whether each segment is a literal: these are the most specific (OpenAPI, "Path Templating Matching").
    fn literals(&self) -> Vec<bool> {
        self.segments.iter().map(|segment| matches!(segment, PathSegment::Literal(_))).collect()
    }

    fn is_certain(&self) -> bool {
        !self.segments.contains(&PathSegment::Mixed)
    }

    /// Returns the names of the parameters, with their values in a path.
    pub(super) fn values<'a>(&'a self, path: &'a RequestPath) -> Vec<(&'a str, &'a str)> {
        let pairs = self.segments.iter().zip(&path.segments).filter_map(|(own, text)| match own {
            PathSegment::Parameter(name) => Some((name.as_str(), text.as_str())),
            PathSegment::Literal(_) | PathSegment::Mixed => None,
        });
        pairs.collect()
    }
}

/// Returns the template that a path is meant for: the one with only literals, or else the only one that it matches.
pub(super) fn most_specific<'a>(all: &'a [PathTemplate], path: &RequestPath) -> Option<&'a PathTemplate> {
    let candidates: Vec<_> = all.iter().filter(|template| template.matches(path)).collect();
    let literal = |template: &&&PathTemplate| template.literals().iter().all(|it| *it);
    let chosen = match candidates[..] {
        [one] => one,
        _ => candidates.iter().find(literal)?,
    };
    chosen.is_certain().then_some(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(path: &str) -> Option<String> {
        let paths = ["/", "/a/{id}", "/a/me", "/a/{id}/b", "/{x}/c/b", "/files/{name}.txt"];
        let all = paths.map(|path| PathTemplate::new("/v1", path, String::new()));
        most_specific(&all, &RequestPath::parse(path)?).map(|template| template.path.clone())
    }

    #[test]
    fn a_path_belongs_to_one_template_or_to_none() {
        assert_eq!(chosen("/v1/a/7").as_deref(), Some("/a/{id}"));
        assert_eq!(chosen("/v1/a/me").as_deref(), Some("/a/me"));
        assert_eq!(chosen("/v1/a/x%20y/b").as_deref(), Some("/a/{id}/b"));
        for path in
            ["/a/7", "/v1/a", "/v1/a/c/b", "/v1/files/x.txt", "/v1//7", "/v1/a/..", "/v1/a/%2f", "/v1/a/7;b"]
        {
            assert_eq!(chosen(path), None, "{path}");
        }
    }
}
