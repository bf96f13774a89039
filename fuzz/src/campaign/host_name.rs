//! Name of a machine in a campaign that runs on several: it makes the names of its instances unique.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::output_dir::MAIN_INSTANCE;

/// Longest name: afl-fuzz takes names of instances of up to 50 bytes.
const MAX_BYTES: usize = 32;

/// Name of a machine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostName(String);

impl HostName {
    /// Returns the name of this machine's main instance.
    #[must_use]
    pub fn main_instance(&self) -> String {
        self.instance(MAIN_INSTANCE)
    }

    /// Returns the name of one of this machine's instances.
    #[must_use]
    pub fn instance(&self, local: &str) -> String {
        format!("{}-{local}", self.0)
    }

    /// Returns the name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HostName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let starts_well = text.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric());
        match starts_well && text.len() <= MAX_BYTES && text.bytes().all(is_allowed) {
            true => Ok(Self(text.to_owned())),
            false => Err(format!(
                "{text:?} is no name for a host: give 1 to {MAX_BYTES} letters, digits, - and _, beginning with a letter or \
                 digit"
            )),
        }
    }
}

impl TryFrom<String> for HostName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<HostName> for String {
    fn from(name: HostName) -> Self {
        name.0
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_afl_fuzz_takes() {
        assert_eq!("node-7".parse::<HostName>().expect("valid").main_instance(), "node-7-main");
        for wrong in ["", "-a", "a b", "a/b", "../a", "a.example", &"a".repeat(33)] {
            assert!(wrong.parse::<HostName>().is_err(), "{wrong:?}");
        }
    }
}
