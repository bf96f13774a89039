//! The four forms of a request target (RFC 9112, section 3.2).

use super::HttpError;

/// Form of a request target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `/path?query`, the usual one.
    Origin,
    /// `http://host/path?query`, as sent to proxies.
    Absolute,
    /// `host:port`, for CONNECT.
    Authority,
    /// `*`, for OPTIONS.
    Asterisk,
}

/// Parsed request target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The target as it was sent.
    pub raw: String,
    /// Its form.
    pub form: Form,
    /// The path, still percent-encoded; empty in authority and asterisk form.
    pub path: String,
    /// The query after the first `?`, still encoded.
    pub query: Option<String>,
}

impl Target {
    /// Parses `raw`. The method CONNECT requires the authority form, and only OPTIONS permits `*`.
    ///
    /// # Errors
    /// 400 for a target in none of the forms, or in a form that the method does not allow.
    pub fn parse(method: &str, raw: &str) -> Result<Self, HttpError> {
        if raw.is_empty() || !raw.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
            return Err(HttpError::bad_request("invalid character in request target"));
        }
        let (form, rest) = if method == "CONNECT" {
            authority_has_port(raw)?;
            (Form::Authority, "")
        } else if raw == "*" {
            if method != "OPTIONS" {
                return Err(HttpError::bad_request("only OPTIONS may have the target *"));
            }
            (Form::Asterisk, "")
        } else if raw.starts_with('/') {
            (Form::Origin, raw)
        } else {
            (Form::Absolute, after_authority(raw)?)
        };
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (rest, None),
        };
        // `http://host` and `http://host?query` mean the root.
        let path = if path.is_empty() && form == Form::Absolute { "/" } else { path };
        Ok(Self { raw: raw.to_owned(), form, path: path.to_owned(), query })
    }
}

/// Returns the path and query after the authority of `raw`, a target in absolute form.
fn after_authority(raw: &str) -> Result<&str, HttpError> {
    const INVALID: HttpError = HttpError::bad_request("invalid request target");
    let (scheme, rest) = raw.split_once("://").ok_or(INVALID)?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err(INVALID);
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    if end == 0 {
        return Err(INVALID);
    }
    Ok(&rest[end..])
}

fn authority_has_port(raw: &str) -> Result<(), HttpError> {
    match raw.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => Ok(()),
        _ => Err(HttpError::bad_request("CONNECT needs host:port")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(method: &str, raw: &str) -> Option<(Form, String, Option<String>)> {
        let target = Target::parse(method, raw).ok()?;
        assert_eq!(target.raw, raw);
        Some((target.form, target.path, target.query))
    }

    fn some(form: Form, path: &str, query: Option<&str>) -> Option<(Form, String, Option<String>)> {
        Some((form, path.into(), query.map(Into::into)))
    }

    #[test]
    fn each_form_is_recognised() {
        assert_eq!(parts("GET", "/a?b?c"), some(Form::Origin, "/a", Some("b?c")));
        assert_eq!(parts("GET", "http://h:80/a?"), some(Form::Absolute, "/a", Some("")));
        assert_eq!(parts("GET", "HTTP://h?q"), some(Form::Absolute, "/", Some("q")));
        assert_eq!(parts("GET", "https://h"), some(Form::Absolute, "/", None));
        assert_eq!(parts("CONNECT", "[::1]:443"), some(Form::Authority, "", None));
        assert_eq!(parts("OPTIONS", "*"), some(Form::Asterisk, "", None));
    }

    #[test]
    fn forms_are_bound_to_methods() {
        for (method, raw) in [
            ("GET", "*"),
            ("GET", "h:80"),
            ("GET", "ftp://h/"),
            ("GET", "http:///a"),
            ("GET", "/a#b"),
            ("GET", "/\x7f"),
            ("GET", "/é"),
            ("GET", ""),
            ("CONNECT", "/a"),
            ("CONNECT", "h:99999"),
        ] {
            assert_eq!(parts(method, raw), None, "{method} {raw}");
        }
    }
}
