//! One request.

use crate::lines::{cut, cut_back_while, cut_while, is_blank, is_line_end, is_token, line};
use crate::visit::tell;
use crate::{Body, Bytes, Kind, Section, Target, Visit, Visitor};

/// Longer words are no methods.
const LONGEST_METHOD: usize = 32;

/// The first line of a request.
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
    /// White space behind, and the line's end.
    pub end: Bytes<'a>,
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request<'a> {
    /// Blank lines before it.
    pub blank: Bytes<'a>,
    /// The first line.
    pub line: RequestLine<'a>,
    /// The header section. Without a version there is none.
    pub head: Section<'a>,
    /// The body.
    pub body: Body<'a>,
}

impl<'a> RequestLine<'a> {
    /// Understands a line, if it is one that a server would look at twice.
    fn parse(mut line: &'a [u8], end: &'a [u8]) -> Option<Self> {
        let whole = line;
        let method = cut_while(&mut line, is_token);
        let before_target = cut_while(&mut line, is_blank);
        if method.is_empty() || method.len() > LONGEST_METHOD || before_target.is_empty() || line.is_empty() {
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
    /// Cuts a request off the front of `text`, if one is there.
    pub(crate) fn parse(text: &mut &'a [u8]) -> Option<Self> {
        let mut rest = *text;
        let blank = cut_while(&mut rest, is_line_end);
        let (first, end) = line(&mut rest);
        let line = RequestLine::parse(first, end)?;
        let head = if line.version.is_empty() { Section::default() } else { Section::parse(&mut rest) };
        let body = Body::parse(&head, &mut rest);
        *text = rest;
        Some(Self { blank: blank.into(), line, head, body })
    }
}

impl Visit for RequestLine<'_> {
    fn visit(&self, visitor: &mut impl Visitor) {
        visitor.enter(Kind::RequestLine);
        tell(visitor, Kind::Method, &self.method);
        tell(visitor, Kind::Gap, &self.before_target);
        self.target.visit(visitor);
        tell(visitor, Kind::Gap, &self.before_version);
        tell(visitor, Kind::Version, &self.version);
        tell(visitor, Kind::LineEnd, &self.end);
        visitor.leave();
    }
}

impl Visit for Request<'_> {
    fn visit(&self, visitor: &mut impl Visitor) {
        visitor.enter(Kind::Request);
        tell(visitor, Kind::Blank, &self.blank);
        self.line.visit(visitor);
        self.head.visit(visitor);
        self.body.visit(visitor);
        visitor.leave();
    }
}
