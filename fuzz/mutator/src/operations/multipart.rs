//! Operations on bodies in parts.

use std::ops::Range;

use sockfuzz_model::vocabulary::BODIES;
use sockfuzz_model::{Kind, Span};

use super::Mutation;
use super::conversion::CONTENT_TYPE;
use crate::document::boundary;
use crate::edits::Region;

/// Parameters of a Content-Disposition beside the name: forms of file names, and names that are given twice (RFC 7578, RFC 8187).
#[rustfmt::skip]
const PARAMETERS: &[&str] = &[
    "", "; filename=\"a.txt\"", "; filename=a.txt", "; filename=\"\"", "; filename=\"../../a\"", "; filename=\"C:\\\\a\\\\b\"",
    "; filename=\"a\\\"b\"", "; filename=\"a%22b\"", "; filename*=UTF-8''%e2%82%ac.txt", "; filename*=utf-8''%ff",
    "; filename*=x'y'z", "; filename*0=\"a\"; filename*1=\"b\"", "; filename=\"a\"; filename*=UTF-8''b", "; filename=\"\u{20ac}\"",
    "; filename=\"=?utf-8?B?4oKs?=\"", "; filename=\".\"; size=1", "; name=\"b\"", "; name*=UTF-8''b", "; filename=\"a", "; filename",
    "; FILENAME=\"a\"", ";filename=a;", "; filename=\"a.php\\0.txt\"", "; filename=\"/\"",
];

const NAMES: &[&str] = &[
    "a",
    "file",
    "_charset_",
    "",
    "a[]",
    "a[b]",
    "a.b",
    "a\\\"b",
    "a%22",
    "\u{20ac}",
    "__proto__",
    "files[0]",
];

/// Types of dispositions.
const DISPOSITIONS: &[&str] =
    &["form-data", "form-data", "form-data", "attachment", "file", "Form-Data", "", "form-data form-data"];

/// Fields of a part behind its Content-Disposition.
#[rustfmt::skip]
const FIELDS: &[&str] = &[
    "", "", "", "Content-Type: text/plain\r\n", "Content-Type: application/json\r\n", "Content-Type: image/png\r\n",
    "Content-Type: text/plain; charset=utf-16\r\n", "Content-Transfer-Encoding: base64\r\n",
    "Content-Transfer-Encoding: quoted-printable\r\n", "Content-Length: 99\r\n", "Content-ID: <a>\r\n", "Content-Disposition: x\r\n",
    "A: b\r\n c\r\n", "no colon\r\n",
];

/// Drops, duplicates or moves a part.
pub(super) fn part(mutation: &mut Mutation<'_>) -> bool {
    let (Some(part), Some(other)) = (mutation.random_span(Kind::Part), mutation.random_span(Kind::Part))
    else {
        return false;
    };
    match mutation.random.below(3) {
        0 => mutation.edits.replace(part, b"", Region::Body),
        1 => mutation.edits.copy_from_parent(other.start..other.start, part, Region::Body),
        _ => {
            mutation.edits.replace(part.clone(), b"", Region::Body)
                && mutation.edits.copy_from_parent(other.end..other.end, part, Region::Body)
        }
    }
}

/// Adds a part, with the name of another one or a new one, or in parts itself.
pub(super) fn add_part(mutation: &mut Mutation<'_>) -> bool {
    let Some(index) = mutation.random_index(Kind::Part) else { return false };
    let (Some(delimiter), part) =
        (mutation.first_inside(index, Kind::Delimiter), mutation.span_at(index).range())
    else {
        return false;
    };
    let same = mutation.bytes(delimiter).trim_ascii().strip_prefix(b"--").unwrap_or_default().to_vec();
    let at = if mutation.random.one_in(2) { part.start } else { part.end };
    let value = match mutation.part_value(index).filter(|_| mutation.random.one_in(3)) {
        Some(value) => mutation.bytes(value).to_vec(),
        None => disposition_value(mutation),
    };
    let (fields, content) = (mutation.random.word(FIELDS), mutation.random.word(BODIES));
    let is_nested = mutation.random.one_in(4);
    let inner = if mutation.random.one_in(3) { &same[..] } else { boundary(mutation.random) };
    let begin = [b"--", &same[..], b"\r\nContent-Disposition: ", &value[..], b"\r\n"].concat();
    mutation.edits.replace_with(at..at, Region::Body, |scratch| {
        scratch.extend(begin);
        if is_nested {
            scratch.extend(
                [b"Content-Type: multipart/mixed; boundary=", inner, b"\r\n\r\n--", inner, b"\r\n"].concat(),
            );
            scratch.extend(
                [b"Content-Disposition: file; filename=\"a\"\r\n", fields, b"\r\n", content].concat(),
            );
            scratch.extend([b"\r\n--", inner, b"--\r\n"].concat());
        } else {
            scratch.extend([fields, b"\r\n", content, b"\r\n"].concat());
        }
    })
}

/// Changes the name of a part, or how it is given.
pub(super) fn disposition(mutation: &mut Mutation<'_>) -> bool {
    let Some(part) = mutation.random_index(Kind::Part) else { return false };
    let Some(value) = mutation.part_value(part) else { return false };
    if mutation.random.one_in(2) {
        let word = mutation.random.word(PARAMETERS);
        return mutation.edits.replace(value.end..value.end, word, Region::Body);
    }
    let new = disposition_value(mutation);
    mutation.edits.replace(value, &new, Region::Body)
}

fn disposition_value(mutation: &mut Mutation<'_>) -> Vec<u8> {
    let (kind, name) = (mutation.random.word(DISPOSITIONS), mutation.random.word(NAMES));
    let parameters = mutation.random.word(PARAMETERS);
    match mutation.random.below(8) {
        0 => [kind, parameters].concat(),
        1 => [kind, b"; name=", name, parameters].concat(),
        _ => [kind, b"; name=\"", name, b"\"", parameters].concat(),
    }
}

/// Changes the boundary of a body everywhere, only in the Content-Type, or only in one delimiter.
pub(super) fn delimiter(mutation: &mut Mutation<'_>) -> bool {
    let Some(part) = mutation.random_index(Kind::Part) else { return false };
    let Some(body) = mutation.last_before(Kind::Body, part) else { return false };
    let Some(old) = mutation.boundary(body).map(|place| mutation.bytes(place).to_vec()) else { return false };
    let new = boundary(mutation.random);
    let inside = mutation.parent.outline.inside(body).iter();
    let delimiters: Vec<_> = inside.filter(|span| span.kind == Kind::Delimiter).copied().collect();
    if mutation.random.one_in(2) {
        let Some(delimiter) = mutation.random.pick(&delimiters) else { return false };
        let line = match mutation.random.below(8) {
            0 => [b"--", &old[..], b"--\r\n"].concat(),
            1 => [b"--", &old[..], b"\n"].concat(),
            2 => [b"--", &old[..], b" \t\r\n"].concat(),
            3 => [b"--", &old[..], b"x\r\n"].concat(),
            4 => [b" --", &old[..], b"\r\n"].concat(),
            5 => [b"--", &old[..]].concat(),
            6 => [b"--", new, b"\r\n"].concat(),
            _ => Vec::new(),
        };
        return mutation.edits.replace(delimiter.range(), &line, Region::Body);
    }
    let everywhere = mutation.random.one_in(2);
    let mut replace = |delimiter: &Span| {
        let start = delimiter.range().start + 2;
        mutation.bytes(delimiter.range()).get(2..).is_some_and(|line| line.starts_with(&old))
            && mutation.edits.replace(start..start + old.len(), new, Region::Body)
    };
    let is_replaced = !everywhere || delimiters.iter().all(&mut replace);
    is_replaced && mutation.replace_boundary(body, &old, new)
}

impl Mutation<'_> {
    /// Returns the range of the value of a part's Content-Disposition.
    fn part_value(&self, part: usize) -> Option<Range<usize>> {
        const NAME: &[u8] = b"Content-Disposition";
        let inside = self.parent.outline.inside(part);
        let name = inside.iter().position(|span| {
            span.kind == Kind::Name && self.bytes(span.range()).eq_ignore_ascii_case(NAME)
        })?;
        inside[name..].iter().find(|span| span.kind == Kind::Value).map(|span| span.range())
    }

    /// Replaces the boundary in the Content-Type of the request with this body.
    fn replace_boundary(&mut self, body: usize, old: &[u8], new: &[u8]) -> bool {
        let request = self.last_before(Kind::Request, body);
        let field = request.and_then(|request| self.head_field(request, CONTENT_TYPE));
        let Some(value) = field.and_then(|field| field.value) else { return false };
        // The boundary may also occur in the type itself.
        let Some(at) = memchr::memmem::rfind(self.bytes(value.clone()), old) else { return false };
        let at = value.start + at;
        self.edits.replace(at..at + old.len(), new, Region::Elsewhere)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_bodies_have, assert_heads_have, parts, request, results};
    use super::*;

    fn message() -> String {
        let part = |name: &str| {
            format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\nvalue of {name}\r\n")
        };
        request(
            "Content-Type: multipart/form-data; boundary=b\r\n",
            &format!("{}{}--b--\r\n", part("one"), part("two")),
        )
    }

    #[test]
    fn parts_are_added_and_nested() {
        let added = results(add_part, &message(), "");
        assert_bodies_have(
            &added,
            &[
                "--b\r\nContent-Disposition: form-data; name=\"a[]\"",
                "; filename=\"../../a\"",
                "; filename*=UTF-8''%e2%82%ac.txt",
                "multipart/mixed; boundary=b\r\n\r\n--b\r\n",
                "multipart/mixed; boundary=x\r\n\r\n--x\r\n",
                "Content-Transfer-Encoding: base64\r\n",
            ],
        );
        let has_double = |it: &String| it.matches("name=\"one\"").count() == 2;
        assert!(added.iter().any(has_double), "a name is doubled");
        for message in &added {
            let (head, body) = parts(message);
            assert!(head.contains(&format!("Content-Length: {}", body.len())), "{message}");
        }
    }

    #[test]
    fn dispositions_change() {
        let changed = results(disposition, &message(), "");
        assert_bodies_have(
            &changed,
            &[
                "name=\"one\"; filename=\"a",
                "name=\"one\"; name=\"b\"",
                "attachment",
                "form-data; name=a",
                "name=\"_charset_\"",
            ],
        );
    }

    #[test]
    fn boundaries_agree_or_not() {
        let changed = results(delimiter, &message(), "");
        assert_heads_have(&changed, &["boundary=xx\r\n", "boundary=0123456789"]);
        let agrees =
            |it: &&String| it.contains("boundary=xx\r\n") && it.contains("--xx\r\n") && it.contains("--xx--");
        let differs = |it: &&String| it.contains("boundary=xx\r\n") && it.contains("--b\r\n");
        assert!(changed.iter().any(|it| agrees(&it)) && changed.iter().any(|it| differs(&it)));
        assert_bodies_have(&changed, &["--b--\r\nContent", "--b \t\r\n", "--bx\r\n", " --b\r\n", "--b\n"]);
    }
}
