//! Content of a document, whatever its format is.

/// Maximum number of members of an object or a list that is made of fields with one name.
pub(super) const MAX_MEMBERS: usize = 256;

/// Value with its members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tree {
    /// Number, `true`, `false` or `null`.
    Word(Vec<u8>),
    /// Text.
    Text(Vec<u8>),
    /// Values without names.
    List(Vec<Tree>),
    /// Values with names, which may be the same.
    Object(Vec<(Vec<u8>, Tree)>),
}

impl Tree {
    /// Returns a word if the text is spelled like one, otherwise a text.
    pub(super) fn scalar(text: Vec<u8>) -> Self {
        if is_word(&text) { Self::Word(text) } else { Self::Text(text) }
    }

    /// Adds a member to an object. Members with one name become a list.
    pub(super) fn add(members: &mut Vec<(Vec<u8>, Self)>, name: Vec<u8>, value: Self) {
        let count = members.len();
        match members.iter_mut().find(|(own, _)| *own == name) {
            Some((_, Self::List(all))) => all.push(value),
            Some((_, first)) => {
                let earlier = std::mem::replace(first, Self::List(Vec::new()));
                *first = Self::List(vec![earlier, value]);
            }
            None if count < MAX_MEMBERS => members.push((name, value)),
            None => {}
        }
    }

    /// Returns an object with these fields.
    pub(crate) fn of_fields<'a>(fields: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Self {
        let mut members = Vec::new();
        fields.for_each(|(name, value)| Self::add(&mut members, name.to_vec(), Self::scalar(value.to_vec())));
        Self::Object(members)
    }

    /// Returns the value of a member.
    pub(super) fn member(&self, name: &[u8]) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        members.iter().find(|(own, _)| own == name).map(|(_, value)| value)
    }

    /// Returns the values without members, each with the name that it has in a form: `a[b]` for a member, `a[]` for an element.
    pub(super) fn fields(&self) -> Vec<(Vec<u8>, &[u8])> {
        let mut fields = Vec::new();
        self.add_fields(b"", &mut fields);
        fields
    }

    fn add_fields<'a>(&'a self, name: &[u8], fields: &mut Vec<(Vec<u8>, &'a [u8])>) {
        let inner = |member: &[u8]| match name {
            b"" => member.to_vec(),
            _ => [name, b"[", member, b"]"].concat(),
        };
        match self {
            Self::Word(value) | Self::Text(value) => fields.push((name.to_vec(), value)),
            Self::List(all) => all.iter().for_each(|value| value.add_fields(&inner(b""), fields)),
            Self::Object(members) => {
                members.iter().for_each(|(member, value)| value.add_fields(&inner(member), fields));
            }
        }
    }
}

/// Whether a text is a JSON number (RFC 8259, section 6), or one of its words.
fn is_word(text: &[u8]) -> bool {
    if matches!(text, b"true" | b"false" | b"null") {
        return true;
    }
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let has_extra_zero = digits.starts_with(b"0") && digits.get(1).is_some_and(u8::is_ascii_digit);
    let is_digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    is_digit(digits.first())
        && is_digit(digits.last())
        && !has_extra_zero
        && digits.iter().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(byte))
        && std::str::from_utf8(text).is_ok_and(|text| text.parse::<f64>().is_ok())
}
