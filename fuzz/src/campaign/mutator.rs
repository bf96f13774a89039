//! Selection of the custom mutator, and its environment variables for afl-fuzz.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::ValueEnum;
use sockfuzz_launcher::launch::MUTATOR as LIBRARY_VARIABLE;
use sockfuzz_protocol::{InputFormat, MUTATOR_DICTIONARY, MUTATOR_FILE, specs};

use crate::campaign::environment::Setting;
use crate::note;
use crate::options::PreloadOptions;
use crate::util::library::{Kind, Library};
use crate::util::problem::Problem;

/// Separators in its value (AFL++'s src/afl-fuzz-mutators.c).
const SEPARATORS: &[char] = &[';', ':', ','];

const MUTATOR: Library = Library {
    what: "the mutator",
    file: MUTATOR_FILE,
    package: "sockfuzz-mutator",
    kind: Kind::Shared,
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

/// The custom mutator of a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mutator {
    /// The mutator of sockfuzz, for requests, their fields and bodies, TLS records and messages, packets and connections
    Http,
    /// No custom mutator
    None,
}

impl Mutator {
    /// Returns the given mutator, or the one of sockfuzz unless the options of afl-fuzz exclude custom mutators.
    #[must_use]
    pub fn select(given: Option<Self>, afl_options: &[String]) -> Self {
        let is_mopt = |option: &String| option.starts_with("-L");
        match given {
            Some(given) => given,
            None if afl_options.iter().any(is_mopt) => {
                note!("the mutator is off, because afl-fuzz accepts none with -L (MOpt)");
                Self::None
            }
            None => Self::Http,
        }
    }

    /// Returns the options of the preload for inputs of this mutator: sessions, unless the user sets another format.
    #[must_use]
    pub fn apply(self, options: &PreloadOptions) -> PreloadOptions {
        match self {
            Self::Http => options.with_default(&specs::INPUT, &InputFormat::Session.to_string()),
            Self::None => options.clone(),
        }
    }

    /// Returns the environment variables for afl-fuzz.
    ///
    /// # Errors
    /// When the library cannot be found or built, or afl-fuzz cannot take its path.
    pub fn settings(self, dictionary: Option<&Path>) -> Result<Vec<Setting>> {
        if self == Self::None {
            return Ok(Vec::new());
        }
        let users = env::var_os(LIBRARY_VARIABLE).filter(|list| !list.is_empty());
        let list = library_list(locate()?, users)?;
        let dictionary = dictionary.map(std::path::absolute).transpose()?;
        let dictionary = dictionary.map(|path| Setting::silent(MUTATOR_DICTIONARY, path));
        Ok([Setting::silent(LIBRARY_VARIABLE, list)].into_iter().chain(dictionary).collect())
    }
}

/// Returns the path of the mutator library (see [`Library::locate`]).
///
/// # Errors
/// When there is none and none can be built.
pub fn locate() -> Result<PathBuf> {
    MUTATOR.locate(None)
}

/// Returns the value of the variable: the library of sockfuzz, followed by those that the user has set.
fn library_list(library: PathBuf, users: Option<OsString>) -> Result<OsString, Problem> {
    if library.to_string_lossy().contains(SEPARATORS) {
        let what =
            format!("afl-fuzz cannot load {}: it treats , : and ; as separators of paths", library.display());
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
    fn mopt_excludes_the_mutator_unless_it_is_given() {
        let mopt = ["-L".to_owned(), "0".to_owned()];
        assert_eq!(Mutator::select(None, &mopt), Mutator::None);
        assert_eq!(Mutator::select(Some(Mutator::Http), &mopt), Mutator::Http);
        assert_eq!(Mutator::select(None, &[]), Mutator::Http);
        assert_eq!(Mutator::select(Some(Mutator::None), &[]), Mutator::None);
    }

    #[test]
    fn mutators_of_the_user_follow_ours() {
        assert_eq!(library_list("/ours.so".into(), None).expect("a path"), "/ours.so");
        assert_eq!(library_list("/ours.so".into(), Some("/a.so".into())).expect("a path"), "/ours.so;/a.so");
        assert!(library_list("/a:b/ours.so".into(), None).is_err());
    }
}
