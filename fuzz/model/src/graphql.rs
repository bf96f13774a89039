//! GraphQL documents (GraphQL specification of October 2021, section 2): operations and fragments.

use memchr::memmem;

use crate::document::{DocumentBuilder, DocumentKind, DocumentSpan};

/// Kind of an element of a GraphQL document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GraphqlKind {
    /// A selection set, braces included.
    Selections,
    /// A selection: a field with its alias, arguments, directives and selection set, or a spread of a fragment.
    Selection,
    /// Arguments of a field or of a directive, or definitions of variables, parentheses included.
    Arguments,
    /// A list or the type of one, brackets included.
    List,
    /// An input object, braces included.
    Object,
    /// Name or keyword.
    Name,
    /// Name of a variable, with its dollar sign.
    Variable,
    /// Name of a directive, with its at sign.
    Directive,
    /// String, quotes included.
    String,
    /// Number, and what looks like one.
    Number,
}

/// Group that is open.
struct OpenGroup {
    kind: GraphqlKind,
    index: usize,
    /// The last selection in it.
    selection: Option<usize>,
    /// Number of names that still belong to the last selection.
    names_expected: usize,
}

impl DocumentKind for GraphqlKind {
    /// A closing bracket of any kind ends the innermost group that is open. Groups and strings without an end extend to the end of
    /// the text.
    fn elements(text: &[u8]) -> Vec<DocumentSpan<Self>> {
        let mut builder = DocumentBuilder::new();
        let mut open: Vec<OpenGroup> = Vec::new();
        let mut at = 0;
        while at < text.len() {
            let rest = &text[at..];
            let (token, len) = token(rest);
            let end = at + len;
            if token == Token::Close {
                if let Some(group) = open.pop() {
                    builder.end(group.index, end);
                }
            } else if token != Token::Ignored
                && let Some(group) = open.last_mut().filter(|group| group.kind == Self::Selections)
                && group.begins_selection(token, &rest[..len])
            {
                group.selection = Some(builder.add(Self::Selection, at..end));
            }
            match token {
                Token::Open(bracket) => {
                    let outer = open.last().map(|group| group.kind);
                    let kind = match (bracket, outer) {
                        (b'(', _) => Self::Arguments,
                        (b'[', _) => Self::List,
                        (_, None | Some(Self::Selections)) => Self::Selections,
                        _ => Self::Object,
                    };
                    let index = builder.add(kind, at..text.len());
                    open.push(OpenGroup { kind, index, selection: None, names_expected: 0 });
                }
                Token::Word(kind) => drop(builder.add(kind, at..end)),
                Token::Close | Token::Colon | Token::Spread | Token::Ignored => {}
            }
            if token != Token::Ignored {
                let selections = open.iter().filter_map(|group| group.selection);
                selections.for_each(|index| builder.end(index, end));
            }
            at = end;
        }
        // Selections around a group that is open end with it.
        let around = open.iter().take(open.len().saturating_sub(1)).filter_map(|group| group.selection);
        around.for_each(|index| builder.end(index, text.len()));
        builder.finish()
    }
}

impl OpenGroup {
    /// Whether a token begins a selection, and does not continue the last one.
    fn begins_selection(&mut self, token: Token, text: &[u8]) -> bool {
        match token {
            Token::Spread => {
                self.names_expected = 1;
                true
            }
            // The name behind an alias.
            Token::Colon => {
                self.names_expected = 1;
                false
            }
            Token::Word(GraphqlKind::Name) if self.names_expected > 0 => {
                // A fragment without a name has a type: `... on User`.
                self.names_expected = usize::from(text == b"on");
                false
            }
            Token::Word(GraphqlKind::Name) => true,
            Token::Open(_) => {
                self.names_expected = 0;
                self.selection.is_none()
            }
            _ => false,
        }
    }
}

/// Token (section 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Open(u8),
    Close,
    Colon,
    Spread,
    Word(GraphqlKind),
    /// White space, commas, comments, and what cannot be read.
    Ignored,
}

/// Returns the token at the front, and its length.
fn token(text: &[u8]) -> (Token, usize) {
    use GraphqlKind::{Directive, Name, Number, String, Variable};
    let word = |from: usize| from + word_len(&text[from..]);
    match text {
        [bracket @ (b'{' | b'(' | b'['), ..] => (Token::Open(*bracket), 1),
        [b'}' | b')' | b']', ..] => (Token::Close, 1),
        [b':', ..] => (Token::Colon, 1),
        [b'.', b'.', b'.', ..] => (Token::Spread, 3),
        [b'$', ..] => (Token::Word(Variable), word(1)),
        [b'@', ..] => (Token::Word(Directive), word(1)),
        [b'"', ..] => (Token::Word(String), string_len(text)),
        [b'#', ..] => (Token::Ignored, memchr::memchr(b'\n', text).unwrap_or(text.len())),
        [b'-' | b'+' | b'0'..=b'9', ..] => (Token::Word(Number), number_len(text)),
        [byte, ..] if byte.is_ascii_alphabetic() || *byte == b'_' => (Token::Word(Name), word(0)),
        _ => (Token::Ignored, 1),
    }
}

fn word_len(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count()
}

fn number_len(text: &[u8]) -> usize {
    let belongs = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
    text.iter().take_while(belongs).count()
}

/// Returns the length of a string, which ends with its line, or of a block string, which does not.
fn string_len(text: &[u8]) -> usize {
    if text.starts_with(b"\"\"\"") {
        return memmem::find(&text[3..], b"\"\"\"").map_or(text.len(), |at| at + 6);
    }
    let mut at = 1;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\n' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::document::tests::{assert_nested, elements};

    #[test]
    fn elements_are_found() {
        use GraphqlKind::{Arguments, List, Name, Number, Object, Selection, Selections, String, Variable};
        let text = "query Q($a: [Int] = 1) { b: c(d: {e: [\"f\"]}) { g } ...F }";
        let selections = "{ b: c(d: {e: [\"f\"]}) { g } ...F }";
        let found = [
            (Name, "query"),
            (Name, "Q"),
            (Arguments, "($a: [Int] = 1)"),
            (Variable, "$a"),
            (List, "[Int]"),
            (Name, "Int"),
            (Number, "1"),
            (Selections, selections),
            (Selection, "b: c(d: {e: [\"f\"]}) { g }"),
            (Name, "b"),
            (Name, "c"),
            (Arguments, "(d: {e: [\"f\"]})"),
            (Name, "d"),
            (Object, "{e: [\"f\"]}"),
            (Name, "e"),
            (List, "[\"f\"]"),
            (String, "\"f\""),
            (Selections, "{ g }"),
            (Selection, "g"),
            (Name, "g"),
            (Selection, "...F"),
            (Name, "F"),
        ];
        assert_eq!(elements(text), found);
    }

    #[test]
    fn selections_are_told_apart() {
        let selections = |text: &'static str| -> Vec<&str> {
            let is = |(kind, text): (GraphqlKind, _)| (kind == GraphqlKind::Selection).then_some(text);
            elements(text).into_iter().filter_map(is).collect()
        };
        assert_eq!(selections("{ a @skip(if: $b) c # d\n e }"), ["a @skip(if: $b)", "c", "e"]);
        assert_eq!(
            selections("{ ... on T { a } ...F @x b, c: d }"),
            ["... on T { a }", "a", "...F @x", "b", "c: d"]
        );
        assert_eq!(selections("{ a { b"), ["a { b", "b"]);
        assert_eq!(selections("} a { b: \"\"\"}\"\"\" }"), ["b: \"\"\"}\"\"\""]);
    }

    proptest! {
        #[test]
        fn any_text_is_parsed(text in prop_oneof![any::<Vec<u8>>(), "[{}()\\[\\]:.$@\"#a1on, -]{0,40}".prop_map(String::into_bytes)]) {
            assert_nested::<GraphqlKind>(&text);
        }
    }
}
