//! Requests for one operation.

use oas3::Spec;
use oas3::spec::{self, MediaType, Parameter, ParameterIn, ParameterStyle, PathItem, SecurityScheme};
use serde_json::Value;

use super::super::request::{RequestPieces, split_url};
use super::example::Examples;
use crate::input::route::Route;
use crate::util::percent::percent_encoded;

/// Largest number of alternatives that become requests.
const MAX_ALTERNATIVES: usize = 16;

/// Operation of a description.
pub(super) struct Operation<'a> {
    spec: &'a Spec,
    path: &'a str,
    method: &'a str,
    described: &'a spec::Operation,
    parameters: Vec<Parameter>,
}

impl<'a> Operation<'a> {
    pub(super) fn new(
        spec: &'a Spec,
        path: &'a str,
        item: &'a PathItem,
        method: &'a str,
        described: &'a spec::Operation,
    ) -> Self {
        let mut parameters: Vec<Parameter> = Vec::new();
        // Those of the operation replace those of the path.
        for parameter in
            described.parameters.iter().chain(&item.parameters).filter_map(|it| it.resolve(spec).ok())
        {
            if !parameters.iter().any(|own| own.name == parameter.name && own.location == parameter.location)
            {
                parameters.push(parameter);
            }
        }
        Self { spec, path, method, described, parameters }
    }

    /// Returns the route: method and path, with the base path of its server.
    pub(super) fn route(&self) -> Route {
        Route::new(self.method, &format!("{}{}", self.server().1, self.path))
    }

    /// Returns a request with all that the operation takes, and, if they differ, one with what it requires, and others with
    /// the alternatives that its schemas allow. The error is the reason why there is none.
    pub(super) fn requests(&self) -> Result<Vec<RequestPieces>, String> {
        let examples = Examples::new(self.spec, 0);
        let mut requests = vec![self.request(&examples, true)?];
        let required = self.request(&examples, false);
        let alternatives = (1..examples.alternatives().min(MAX_ALTERNATIVES))
            .map(|alternative| self.request(&Examples::new(self.spec, alternative), true));
        for request in std::iter::once(required).chain(alternatives) {
            let request = request?;
            if !requests.contains(&request) {
                requests.push(request);
            }
        }
        Ok(requests)
    }

    /// Returns the request with all that the operation takes. The error is the reason why there is none.
    pub(super) fn whole_request(&self) -> Result<RequestPieces, String> {
        self.request(&Examples::new(self.spec, 0), true)
    }

    fn request(&self, examples: &Examples<'_>, whole: bool) -> Result<RequestPieces, String> {
        let (authority, base) = self.server();
        let mut request =
            RequestPieces { method: self.method.to_owned(), authority, ..RequestPieces::default() };
        let mut path = self.path.to_owned();
        let (mut query, mut cookies) = (Vec::new(), Vec::new());
        for parameter in self.parameters.iter().filter(|parameter| whole || is_required(parameter)) {
            let value = examples.parameter(parameter);
            match parameter.location {
                ParameterIn::Path => {
                    path = path.replace(&format!("{{{}}}", parameter.name), &in_target(&value));
                }
                ParameterIn::Query => query.extend(pairs(parameter, &value)),
                ParameterIn::Header => request.fields.push((parameter.name.clone(), joined(&value))),
                ParameterIn::Cookie => cookies.push(format!("{}={}", parameter.name, joined(&value))),
            }
        }
        if path.contains('{') {
            return Err("a parameter of its path is not described".to_owned());
        }
        self.authorise(&mut request, &mut query, &mut cookies);
        if !cookies.is_empty() {
            request.fields.push(("Cookie".to_owned(), cookies.join("; ")));
        }
        let sign = if query.is_empty() { "" } else { "?" };
        request.target = format!("{base}{path}{sign}{}", query.join("&"));
        self.add_body(&mut request, examples, whole)?;
        Ok(request)
    }

    /// Returns the authority and the base path of the first server.
    fn server(&self) -> (String, String) {
        let Some(server) = self.described.servers.first().or_else(|| self.spec.servers.first()) else {
            return ("localhost".to_owned(), String::new());
        };
        let mut url = server.url.clone();
        for (name, variable) in &server.variables {
            url = url.replace(&format!("{{{name}}}"), &variable.default);
        }
        let (authority, path) = split_url(&url).unwrap_or(("localhost", url.clone()));
        (authority.to_owned(), path.trim_end_matches('/').to_owned())
    }

    /// Adds placeholders for the credentials that the first alternative requires.
    fn authorise(&self, request: &mut RequestPieces, query: &mut Vec<String>, cookies: &mut Vec<String>) {
        let own = self.described.security.first().or_else(|| self.spec.security.first());
        let schemes = self.spec.components.as_ref().map(|components| &components.security_schemes);
        for name in own.into_iter().flat_map(|requirement| requirement.0.keys()) {
            let scheme = schemes.and_then(|schemes| schemes.get(name)?.resolve(self.spec).ok());
            match scheme {
                Some(SecurityScheme::ApiKey { name, location, .. }) => match location.as_str() {
                    "query" => query.push(format!("{name}=token")),
                    "cookie" => cookies.push(format!("{name}=token")),
                    _ => request.default_field(&name, "token"),
                },
                Some(SecurityScheme::Http { scheme, .. }) if scheme.eq_ignore_ascii_case("basic") => {
                    request.default_field("Authorization", "Basic dXNlcjpwYXNzd29yZA==");
                }
                Some(_) => request.default_field("Authorization", "Bearer token"),
                None => {}
            }
        }
    }

    fn add_body(
        &self,
        request: &mut RequestPieces,
        examples: &Examples<'_>,
        whole: bool,
    ) -> Result<(), String> {
        let described = self.described.request_body(self.spec).map_err(|error| error.to_string())?;
        let Some(body) = described.filter(|body| whole || body.required == Some(true)) else { return Ok(()) };
        // JSON first: the values of other types are made from the same schemas.
        let is_json = |name: &str| name.contains("json");
        let all: Vec<(&String, &MediaType)> = body.content.iter().collect();
        let Some((name, media_type)) = all.iter().find(|(name, _)| is_json(name)).or(all.first()) else {
            return Ok(());
        };
        let value = examples.body(media_type, whole);
        let content = match &value {
            Value::Object(members) if name.contains("urlencoded") => {
                let pair = |(name, value): (&String, &Value)| format!("{name}={}", in_target(value));
                members.iter().map(pair).collect::<Vec<_>>().join("&")
            }
            Value::String(text) if !is_json(name) => text.clone(),
            value => value.to_string(),
        };
        request.default_field("Content-Type", name);
        request.body = Some(content.into_bytes());
        Ok(())
    }
}

fn is_required(parameter: &Parameter) -> bool {
    parameter.location == ParameterIn::Path || parameter.required == Some(true)
}

/// Returns the pairs of a query for a value.
fn pairs(parameter: &Parameter, value: &Value) -> Vec<String> {
    let pair = |name: &str, value: &Value| format!("{name}={}", in_target(value));
    let name = &parameter.name;
    match (value, parameter.style, parameter.explode) {
        (Value::Object(members), Some(ParameterStyle::DeepObject), _) => {
            members.iter().map(|(member, value)| pair(&format!("{name}[{member}]"), value)).collect()
        }
        (Value::Object(members), None | Some(ParameterStyle::Form), None | Some(true)) => {
            members.iter().map(|(member, value)| pair(member, value)).collect()
        }
        (Value::Array(elements), None | Some(ParameterStyle::Form), None | Some(true)) => {
            elements.iter().map(|element| pair(name, element)).collect()
        }
        _ => vec![pair(name, value)],
    }
}

/// Returns a value as text: lists with commas, as in style `simple`.
fn joined(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(elements) => elements.iter().map(joined).collect::<Vec<_>>().join(","),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| format!("{name},{}", joined(value)))
            .collect::<Vec<_>>()
            .join(","),
        other => other.to_string(),
    }
}

/// Returns a value as a part of a target. A comma separates the elements of a list.
fn in_target(value: &Value) -> String {
    percent_encoded(&joined(value), b"-._~,")
}
