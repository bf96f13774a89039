//! Formats of documents.

/// Format of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// JSON (RFC 8259).
    Json,
    /// Fields as browsers send them (`application/x-www-form-urlencoded`), or any other text.
    Form,
    /// Parts, one for each field (RFC 7578).
    Multipart,
    /// XML.
    Xml,
    /// A GraphQL document as a member of a JSON object, beside its variables.
    GraphqlInJson,
    /// A GraphQL document.
    Graphql,
}

impl Format {
    pub(crate) const ALL: [Self; 6] =
        [Self::Json, Self::Form, Self::Multipart, Self::Xml, Self::GraphqlInJson, Self::Graphql];

    /// Returns the format that a text seems to have.
    pub(crate) fn of(text: &[u8]) -> Self {
        let text = text.trim_ascii_start();
        match text.first() {
            _ if is_graphql(text) => Self::Graphql,
            Some(b'{' | b'[' | b'"') => Self::Json,
            Some(b'<') => Self::Xml,
            _ => Self::Form,
        }
    }
}

/// Whether a text begins like a GraphQL document, and not like a JSON object: with a name behind the brace, or with a keyword.
fn is_graphql(text: &[u8]) -> bool {
    let begins_name = |byte: &u8| byte.is_ascii_alphabetic() || b"_.".contains(byte);
    match text {
        [b'{', inside @ ..] => inside.trim_ascii_start().first().is_some_and(begins_name),
        [b'q' | b'm' | b's' | b'f', ..] => {
            let word = text.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
            matches!(&text[..word], b"query" | b"mutation" | b"subscription" | b"fragment")
                && text[word..].contains(&b'{')
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_apart() {
        for (text, format) in [
            (" {\"a\": 1}", Format::Json),
            ("{}", Format::Json),
            ("[1]", Format::Json),
            ("\n<a/>", Format::Xml),
            ("{ a }", Format::Graphql),
            ("{...F}", Format::Graphql),
            ("query($a: Int) { a }", Format::Graphql),
            ("query=%7B", Format::Form),
            ("fragments", Format::Form),
            ("a=b", Format::Form),
            ("", Format::Form),
        ] {
            assert_eq!(Format::of(text.as_bytes()), format, "{text}");
        }
    }
}
