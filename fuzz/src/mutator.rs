//! The custom mutator that afl-fuzz loads, and what it is told.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::ValueEnum;
use sockfuzz_protocol::{InputFormat, MUTATOR_DICTIONARY, MUTATOR_FILE, specs};

use crate::afl::environment::Setting;
use crate::cli::PreloadOptions;
use crate::library::Library;
use crate::problem::Problem;

/// Where afl-fuzz looks for mutators.
const VARIABLE: &str = "AFL_CUSTOM_MUTATOR_LIBRARY";
/// What separates them there (AFL++'s src/afl-fuzz-mutators.c).
const SEPARATORS: &[char] = &[';', ':', ','];

const MUTATOR: Library = Library {
    what: "the mutator",
    file: MUTATOR_FILE,
    package: "sockfuzz-mutator",
    sources: &[
        "fuzz/mutator/src",
        "fuzz/mutator/Cargo.toml",
        "fuzz/model/src",
        "fuzz/model/Cargo.toml",
        "preload/protocol/src",
        "preload/protocol/Cargo.toml",
        "corpus/http.dict",
    ],
    flag: "--mutator",
};

/// Who mutates inputs, beside AFL++ itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mutator {
    /// Ours, which knows requests, their fields and bodies, packets and connections
    Http,
    /// Nobody
    None,
}

impl Mutator {
    /// The one to use: the given one; without one, ours, unless afl-fuzz cannot have any.
    #[must_use]
    pub fn chosen(given: Option<Self>, afl_options: &[String]) -> Self {
        let is_mopt = |option: &String| option.starts_with("-L");
        match given {
            Some(given) => given,
            None if afl_options.iter().any(is_mopt) => {
                eprintln!("sockfuzz: afl-fuzz takes no mutator beside -L (MOpt): ours is left out");
                Self::None
            }
            None => Self::Http,
        }
    }

    /// The options for servers that get its inputs: sessions, unless the user says otherwise.
    #[must_use]
    pub fn tell(self, options: &PreloadOptions) -> PreloadOptions {
        match self {
            Self::Http => options.with_default(&specs::INPUT, &InputFormat::Session.to_string()),
            Self::None => options.clone(),
        }
    }

    /// What afl-fuzz is told about it.
    ///
    /// # Errors
    /// When the library cannot be found or built, or afl-fuzz cannot be told where it is.
    pub fn settings(self, dictionary: Option<&Path>) -> Result<Vec<Setting>> {
        if self == Self::None {
            return Ok(Vec::new());
        }
        let users = env::var_os(VARIABLE).filter(|list| !list.is_empty());
        let list = list(locate()?, users)?;
        let dictionary = dictionary.map(std::path::absolute).transpose()?;
        let dictionary = dictionary.map(|path| Setting::quiet(MUTATOR_DICTIONARY, path));
        Ok([Setting::quiet(VARIABLE, list)].into_iter().chain(dictionary).collect())
    }
}

/// The path of ours: see [`Library::locate`].
///
/// # Errors
/// When there is none and none can be built.
pub fn locate() -> Result<PathBuf> {
    MUTATOR.locate(None)
}

/// Ours, and behind it those that the user has.
fn list(library: PathBuf, users: Option<OsString>) -> Result<OsString, Problem> {
    if library.to_string_lossy().contains(SEPARATORS) {
        let what =
            format!("afl-fuzz cannot load {}: it takes , : and ; for the end of a path", library.display());
        return Err(Problem::failed(what, "move the workspace, or use --mutator none"));
    }
    let mut list = library.into_os_string();
    if let Some(users) = users {
        list.push(";");
        list.push(users);
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mopt_goes_without_a_mutator_and_an_explicit_choice_counts() {
        let mopt = ["-L".to_owned(), "0".to_owned()];
        assert_eq!(Mutator::chosen(None, &mopt), Mutator::None);
        assert_eq!(Mutator::chosen(Some(Mutator::Http), &mopt), Mutator::Http);
        assert_eq!(Mutator::chosen(None, &[]), Mutator::Http);
        assert_eq!(Mutator::chosen(Some(Mutator::None), &[]), Mutator::None);
    }

    #[test]
    fn the_users_mutators_come_behind_ours() {
        assert_eq!(list("/ours.so".into(), None).expect("a path"), "/ours.so");
        assert_eq!(list("/ours.so".into(), Some("/a.so".into())).expect("a path"), "/ours.so;/a.so");
        assert!(list("/a:b/ours.so".into(), None).is_err());
    }
}
