//! GraphQL documents for given variables.

use super::format::Format;
use super::tree::Tree;

/// Document with the values of its variables.
pub(super) struct Query<'a> {
    pub(super) text: Vec<u8>,
    pub(super) variables: &'a Tree,
}

/// Values of a document without variables.
static NO_VARIABLES: Tree = Tree::Object(Vec::new());

impl<'a> Query<'a> {
    /// Returns the document that a tree has as a member, or one that takes its members as variables and arguments.
    pub(super) fn of(tree: &'a Tree) -> Self {
        if let Some(Tree::Text(text)) = tree.member(b"query")
            && Format::of(text) == Format::Graphql
        {
            return Self {
                text: text.clone(),
                variables: tree.member(b"variables").unwrap_or(&NO_VARIABLES),
            };
        }
        let (mut variables, mut arguments) = (Vec::new(), Vec::new());
        let Tree::Object(members) = tree else {
            return Self { text: b"{ __typename }".to_vec(), variables: &NO_VARIABLES };
        };
        for (name, value) in members.iter().filter(|(name, _)| is_name(name)) {
            let kind: &[u8] = match value {
                Tree::Word(word) if matches!(&word[..], b"true" | b"false") => b"Boolean",
                Tree::Word(word) if word.contains(&b'.') => b"Float",
                Tree::Word(_) => b"Int",
                Tree::Text(_) => b"String",
                Tree::List(_) => b"[String]",
                Tree::Object(_) => b"Input",
            };
            variables.extend([b" $", &name[..], b": ", kind].concat());
            arguments.extend([b" ", &name[..], b": $", &name[..]].concat());
        }
        let text = match variables.is_empty() {
            true => b"{ __typename }".to_vec(),
            false => [b"query(", &variables[1..], b") { data(", &arguments[1..], b") { id } }"].concat(),
        };
        Self { text, variables: tree }
    }
}

fn is_name(name: &[u8]) -> bool {
    name.first().is_some_and(|byte| !byte.is_ascii_digit())
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}
