//! Operations on GraphQL documents: in bodies, in JSON strings, and in parameters.

use std::fmt::Write;

use sockfuzz_model::GraphqlKind;

use super::Mutation;
use super::located::{Located, nesting_levels};
use super::places::Place;
use crate::random::Random;
use crate::value::Spelling;

/// Largest number of aliases of one selection.
const MANY_ALIASES: usize = 128;

/// Selections: of the schema itself, and spreads of fragments that mostly do not exist.
#[rustfmt::skip]
const SELECTIONS: &[&str] = &[
    " __typename ", " __schema { types { name fields { name type { name ofType { name } } } } } ", " __schema { directives { name } } ",
    " __type(name: \"Query\") { fields(includeDeprecated: true) { name args { name defaultValue } } } ", " ...F ", " ... { __typename } ",
    " ... on Query { __typename } ", " ... on Unknown { id } ", " ... @skip(if: true) { id } ", " id ", " node(id: \"\") { id } ", " , ", "",
];

/// Directives, with arguments that they need or not.
#[rustfmt::skip]
const DIRECTIVES: &[&str] = &[
    " @skip(if: false)", " @skip(if: true)", " @include(if: false)", " @include(if: null)", " @include", " @skip(if: $undefined)",
    " @skip(if: false) @skip(if: true)", " @deprecated(reason: \"a\")", " @defer", " @stream(initialCount: -1)", " @unknown(a: [])",
];

/// Fragments: one that is used, and others that contain themselves or each other, are doubled, or stand on nothing.
#[rustfmt::skip]
const FRAGMENTS: &[&str] = &[
    " fragment F on Query { __typename }", " fragment F on Query { ...F }", " fragment F on Query { ...G } fragment G on Query { ...F }",
    " fragment F on Query { a: __typename ...G ...G } fragment G on Query { ...H ...H } fragment H on Query { __typename }",
    " fragment F on Query { id } fragment F on Query { id }", " fragment F on Unknown { id }", " fragment on on Query { id }",
    " fragment F on Query { }", " fragment F { id }",
];

/// Values of arguments, at the borders of types and of other types.
#[rustfmt::skip]
const VALUES: &[&str] = &[
    "0", "-1", "2147483647", "2147483648", "-2147483649", "9223372036854775808", "1.5", "1e400", "00", "-", "null", "true", "\"\"",
    "\"a\"", "\"\\u0000\"", "\"\\ud800\"", "\"\\u{1F600}\"", "\"\"\"a\n  b\"\"\"", "\"\"\"\\\"\"\"\"\"\"", "\"", "[]", "[[null]]", "{}", "{a: {}}",
    "RED", "$undefined", "{a: 1, a: 2}", "[1, \"a\"]",
];

/// Types of variables.
#[rustfmt::skip]
const TYPES: &[&str] = &[
    "Int", "Int!", "Float", "String", "String!", "Boolean", "ID", "[Int]", "[Int!]!", "[[[Int]]]", "Query", "Unknown", "Int = 1",
    "Int = null", "Int! = null", "Int = $a", "String = 1", "[Int] = 1", "!", "",
];

/// Operations to put beside others.
#[rustfmt::skip]
const OPERATIONS: &[&str] = &[
    " { __typename } ", " query A { __typename } ", " query A { a: __typename } query A { __typename } ", " mutation { __typename } ",
    " subscription { a: __typename b: __typename } ", " query($a: Int, $a: Int) { __typename } ", " type T { a: Int } ",
    " query Q @skip(if: true) { __typename } ", " # comment\n", " \u{feff}", " query IntrospectionQuery { __schema { queryType { name } } } ",
];

/// GraphQL document in a value.
type Graphql = Located<GraphqlKind>;

/// Adds, drops, doubles or nests a selection, or gives it aliases or a directive.
pub(super) fn selection(mutation: &mut Mutation<'_>) -> bool {
    edit(mutation, |random, document, text| {
        let index = document.pick(random, |kind| kind == GraphqlKind::Selection)?;
        let range = document.range(index);
        let own = text[range.clone()].to_vec();
        match random.below(7) {
            0 => drop(text.drain(range)),
            1 => insert(text, range.end, &[b" ", &own[..]].concat()),
            2 => insert(text, range.start, random.word(&["a: ", "__a: ", "a: b: ", "\u{fc}: "])),
            3 => {
                let mut all = String::new();
                for number in 0..=random.below(MANY_ALIASES) {
                    let _ = write!(all, " a{number}: {}", String::from_utf8_lossy(&own));
                }
                insert(text, range.end, all.as_bytes());
            }
            4 => insert(text, range.end, random.word(DIRECTIVES)),
            5 => insert(text, range.end, random.word(SELECTIONS)),
            _ => {
                let is_outer = |of: &usize| document.kind(*of) == GraphqlKind::Selection;
                let outer = random.pick(&document.enclosing(index).filter(is_outer).collect::<Vec<_>>())?;
                let outer = document.range(outer);
                let (open, close) =
                    (text[outer.start..range.start].to_vec(), text[range.end..outer.end].to_vec());
                let levels = nesting_levels(random, open.len() + close.len());
                insert(text, range.end, &close.repeat(levels));
                insert(text, range.start, &open.repeat(levels));
            }
        }
        Some(())
    })
}

/// Adds fragments, some of them cyclic, and mostly a spread of the first.
pub(super) fn fragment(mutation: &mut Mutation<'_>) -> bool {
    edit(mutation, |random, document, text| {
        let selections = document.pick(random, |kind| kind == GraphqlKind::Selections)?;
        text.extend_from_slice(random.word(FRAGMENTS));
        if !random.one_in(8) {
            insert(text, document.range(selections).start + 1, b" ...F ");
        }
        Some(())
    })
}

/// Replaces the value of an argument, or the type or the default value of a variable.
pub(super) fn argument(mutation: &mut Mutation<'_>) -> bool {
    edit(mutation, |random, document, text| {
        let arguments = document.pick(random, |kind| kind == GraphqlKind::Arguments)?;
        let inside = document.outline.inside(arguments);
        let names_what_follows = |index: usize| {
            let after = text[document.range(index).end..].trim_ascii_start();
            after.starts_with(b":")
        };
        let values: Vec<_> = inside.clone().filter(|index| !names_what_follows(*index)).collect();
        let value = random.pick(&values)?;
        let is_of_variable =
            |index: &usize| document.kind(*index) == GraphqlKind::Variable && names_what_follows(*index);
        let defines = inside.clone().any(|index| is_of_variable(&index));
        let words = if defines != random.one_in(8) { TYPES } else { VALUES };
        let word = random.word(words);
        drop(text.splice(document.range(value), word.iter().copied()));
        Some(())
    })
}

/// Adds an operation, or makes another one of the operation that there is.
pub(super) fn operation(mutation: &mut Mutation<'_>) -> bool {
    edit(mutation, |random, document, text| {
        let word = random.word(OPERATIONS);
        let first = document.outline.spans().first()?.range();
        match (random.below(4), text[first.clone()].first()?) {
            (0, _) => insert(text, 0, word),
            (1, b'{') => insert(
                text,
                first.start,
                random.word(&["query ", "mutation ", "subscription ", "query Q($a: Int) "]),
            ),
            (1, _) => {
                let keyword = random.word(&["query", "mutation", "subscription", "fragment", "extend", ""]);
                drop(text.splice(first, keyword.iter().copied()));
            }
            (2, _) => text.extend_from_within(..),
            _ => text.extend_from_slice(word),
        }
        Some(())
    })
}

/// Replaces a random document of the parent by what `change` makes of it.
fn edit(
    mutation: &mut Mutation<'_>,
    change: impl FnOnce(&mut Random, &Graphql, &mut Vec<u8>) -> Option<()>,
) -> bool {
    let Some(place) = Place::graphql(mutation.random, mutation.parent) else { return false };
    let mut text = place.value(mutation.parent);
    let document = Graphql::parse(0, &text);
    change(mutation.random, &document, &mut text).is_some()
        && place.write(mutation.edits, &text, Spelling::Usual)
}

fn insert(text: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    drop(text.splice(at..at, bytes.iter().copied()));
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_bodies_have, assert_heads_have, request, results};
    use super::*;

    const QUERY: &str = "query Q($a: Int) { b(c: $a) { d { e } } }";

    fn mutated(edit: fn(&mut Mutation<'_>) -> bool) -> Vec<String> {
        results(edit, &request("Content-Type: application/graphql\r\n", QUERY), "")
    }

    #[test]
    fn selections_are_changed() {
        let changed = mutated(selection);
        assert_bodies_have(
            &changed,
            &[
                "{ b(c: $a) { d {  } } }",
                "{ e e }",
                "{ a: e }",
                " a0: e a1: e",
                "{ e @include(if: null) }",
                "__schema { types",
                "{ d { d { e } } }",
                "b(c: $a) { b(c: $a) { d { e } } }",
            ],
        );
        let levels = changed.iter().map(|it| it.matches("d {").count()).max();
        assert!(levels > Some(1000), "{levels:?}");
    }

    #[test]
    fn fragments_are_cyclic() {
        assert_bodies_have(
            &mutated(fragment),
            &[
                "{ ...F  b(c: $a) { d { e } } } fragment F on Query { ...F }",
                "d { ...F  e } } } fragment F on Query { ...G } fragment G on Query { ...F }",
            ],
        );
    }

    #[test]
    fn arguments_and_variables_have_other_types() {
        assert_bodies_have(
            &mutated(argument),
            &[
                "b(c: \"\\ud800\")",
                "b(c: {})",
                "b(c: 2147483648)",
                "query Q($a: [Int!]!)",
                "query Q($a: Unknown)",
            ],
        );
    }

    #[test]
    fn operations_are_added() {
        assert_bodies_have(
            &mutated(operation),
            &["mutation Q($a", " query A { __typename } query Q", "IntrospectionQuery"],
        );
    }

    #[test]
    fn documents_are_found_in_json_and_in_parameters() {
        let json = r#"{"operationName":null,"query":"\n query { a }","variables":{}}"#;
        assert_bodies_have(
            &results(fragment, &request("", json), ""),
            &["{ ...F  a } fragment F", "\"variables\":{}}"],
        );
        let target = "GET /graphql?b=c&query=%7B%20a%20%7D HTTP/1.1\r\nHost: a\r\n\r\n";
        assert_heads_have(&results(operation, target, ""), &["query=query%20%7B%20a%20%7D HTTP"]);
        assert!(results(operation, &request("", r#"{"query":"a"}"#), "").is_empty());
    }
}
