//! Requests and their request lines.

use crate::lines::{cut, cut_back_while, cut_while, is_blank, is_line_end, is_token, line};
use crate::visit::emit;
use crate::{Body, Bytes, FieldSection, Kind, Target, Visit, Visitor};

/// Maximum length of a method, in bytes. Longer words are not parsed as methods.
const MAX_METHOD_LENGTH: usize = 32;

/// Request line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestLine<'a> {
    /// The method.
    pub method: Bytes<'a>,
    /// White space before the target.
    pub before_target: Bytes<'a>,
    /// The target.
    pub target: Target<'a>,
    /// White space before the version.
    pub before_version: Bytes<'a>,
    /// The version; HTTP/0.9 has none.
    pub version: Bytes<'a>,
    /// White space after the version, and the line end.
    pub end: Bytes<'a>,
}

/// Request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request<'a> {
    /// Blank lines before the request.
    pub blank: Bytes<'a>,
    /// The request line.
    pub line: RequestLine<'a>,
    /// The header section. A request without a version has none.
    pub head: FieldSection<'a>,
    /// The body.
    pub body: Body<'a>,
}

impl<'a> RequestLine<'a> {
    /// Parses a line that a server would accept as a request line; `None` for other lines.
    fn parse(mut line: &'a [u8], end: &'a [u8]) -> Option<Self> {
        let whole = line;
        let method = cut_while(&mut line, is_token);
        let before_target = cut_while(&mut line, is_blank);
        if method.is_empty()
            || method.len() > MAX_METHOD_LENGTH
            || before_target.is_empty()
            || line.is_empty()
        {
            return None;
        }
        let behind = cut_back_while(&mut line, is_blank).len();
        let last = line.iter().rposition(|byte| is_blank(*byte)).map_or(0, |blank| blank + 1);
        let is_version = last > 0 && line[last..].get(..5).is_some_and(|v| v.eq_ignore_ascii_case(b"HTTP/"));
        let mut target = cut(&mut line, if is_version { last } else { usize::MAX });
        let version = line;
        let before_version = cut_back_while(&mut target, is_blank);
        let is_simple = method.iter().all(u8::is_ascii_uppercase) && b"/*h".contains(target.first()?);
        if version.is_empty() && !is_simple {
            return None;
        }
        let end =
            if behind == 0 { end.into() } else { [&whole[whole.len() - behind..], end].concat().into() };
        Some(Self {
            method: method.into(),
            before_target: before_target.into(),
            target: Target::parse(target, method),
            before_version: before_version.into(),
            version: version.into(),
            end,
        })
    }
}

impl<'a> Request<'a> {
    /// Parses the request at the front of `text`, if there is one, and advances `text` past it.
    pub(crate) fn parse(text: &mut &'a [u8]) -> Option<Self> {
        let mut rest = *text;
        let blank = cut_while(&mut rest, is_line_end);
        let (first, end) = line(&mut rest);
        let line = RequestLine::parse(first, end)?;
        let head =
            if line.version.is_empty() { FieldSection::default() } else { FieldSection::parse(&mut rest) };
        let body = Body::parse(&head, &mut rest);
        *text = rest;
        Some(Self { blank: blank.into(), line, head, body })
    }
}

impl Visit for RequestLine<'_> {
    fn visit(&self, visitor: &mut impl Visitor) {
        visitor.enter(Kind::RequestLine);
        emit(visitor, Kind::Method, &self.method);
        emit(visitor, Kind::Gap, &self.before_target);
        self.target.visit(visitor);
        emit(visitor, Kind::Gap, &self.before_version);
        emit(visitor, Kind::Version, &self.version);
        emit(visitor, Kind::LineEnd, &self.end);
        visitor.leave();
    }
}

impl Visit for Request<'_> {
    fn visit(&self, visitor: &mut impl Visitor) {
        visitor.enter(Kind::Request);
        emit(visitor, Kind::Blank, &self.blank);
        self.line.visit(visitor);
        self.head.visit(visitor);
        self.body.visit(visitor);
        visitor.leave();
    }
}
