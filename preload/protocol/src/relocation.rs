//! Relocation of files: a server finds its files at another place than where they were when it was built. A pair names
//! both places, and the preload translates the absolute paths that the server passes to libc.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

/// Separator of the pairs in a list, as in a list of directories.
const PAIR_SEPARATOR: char = ':';
/// Separator of the two paths of a pair.
const PATH_SEPARATOR: char = '=';

/// File system that describes processes. Its paths mean another thing for each of them, and are never translated.
const PROC: &str = "/proc";

/// One pair: the path that the server uses, and the path at which the file or directory is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relocation {
    old: PathBuf,
    new: PathBuf,
}

/// Reason for which a pair is refused, with its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RelocationError {
    /// It does not consist of two paths.
    NotTwoPaths(String),
    /// A path is not absolute, or contains `..`.
    NotPlain(String),
    /// The old path is `/`, or in /proc.
    NotMovable(String),
    /// Another pair has the same old path.
    Twice(String),
}

impl fmt::Display for RelocationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotTwoPaths(pair) => write!(
                f,
                "\"{pair}\" is not two paths with one {PATH_SEPARATOR} between them (a path that contains \
                 {PATH_SEPARATOR} or {PAIR_SEPARATOR} cannot be given: use a symbolic link without it)"
            ),
            Self::NotPlain(path) => write!(f, "\"{path}\" is not an absolute path without .."),
            Self::NotMovable(path) => write!(f, "{path} cannot be at another place"),
            Self::Twice(path) => write!(f, "{path} is given twice"),
        }
    }
}

impl std::error::Error for RelocationError {}

impl FromStr for Relocation {
    type Err = RelocationError;

    fn from_str(pair: &str) -> Result<Self, RelocationError> {
        match pair.split(PATH_SEPARATOR).collect::<Vec<_>>()[..] {
            [old, new] => {
                let (old, new) = (plain(old)?, plain(new)?);
                if old == Path::new("/") || old.starts_with(PROC) {
                    return Err(RelocationError::NotMovable(old.display().to_string()));
                }
                Ok(Self { old, new })
            }
            _ => Err(RelocationError::NotTwoPaths(pair.to_owned())),
        }
    }
}

impl fmt::Display for Relocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{PATH_SEPARATOR}{}", self.old.display(), self.new.display())
    }
}

impl Relocation {
    /// Path that the server uses.
    #[must_use]
    pub fn old_path(&self) -> &Path {
        &self.old
    }

    /// Path at which the file or directory is.
    #[must_use]
    pub fn new_path(&self) -> &Path {
        &self.new
    }

    /// Returns this pair with another new path.
    #[must_use]
    pub fn with_new_path(self, new: PathBuf) -> Self {
        Self { new, ..self }
    }
}

/// Returns a path without repeated and trailing slashes.
fn plain(path: &str) -> Result<PathBuf, RelocationError> {
    let is_plain = |component| matches!(component, Component::RootDir | Component::Normal(_));
    let plain: PathBuf = Path::new(path).components().collect();
    if plain.is_absolute() && plain.components().all(is_plain) {
        Ok(plain)
    } else {
        Err(RelocationError::NotPlain(path.to_owned()))
    }
}

/// List of pairs, joined with colons.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Relocations(Vec<Relocation>);

/// Path that is put together from two parts, so that putting it together needs no allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MovedPath<'a> {
    /// First part: a path of a pair.
    pub start: &'a [u8],
    /// Rest: empty, or begins with a slash.
    pub rest: &'a [u8],
}

impl MovedPath<'_> {
    fn to_path(self) -> PathBuf {
        PathBuf::from(OsStr::from_bytes(&[self.start, self.rest].concat()))
    }
}

impl FromStr for Relocations {
    type Err = RelocationError;

    fn from_str(list: &str) -> Result<Self, RelocationError> {
        let pairs = list.split(PAIR_SEPARATOR).filter(|pair| !pair.is_empty()).map(str::parse);
        let pairs: Vec<Relocation> = pairs.collect::<Result<_, _>>()?;
        let is_repeated = |(index, pair): &(usize, &Relocation)| {
            pairs[..*index].iter().any(|earlier| earlier.old == pair.old)
        };
        match pairs.iter().enumerate().find(is_repeated) {
            Some((_, pair)) => Err(RelocationError::Twice(pair.old.display().to_string())),
            None => Ok(Self(pairs)),
        }
    }
}

impl fmt::Display for Relocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs: Vec<_> = self.0.iter().map(Relocation::to_string).collect();
        f.write_str(&pairs.join(&PAIR_SEPARATOR.to_string()))
    }
}

impl FromIterator<Relocation> for Relocations {
    fn from_iter<I: IntoIterator<Item = Relocation>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

impl IntoIterator for Relocations {
    type Item = Relocation;
    type IntoIter = std::vec::IntoIter<Relocation>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl Relocations {
    /// Whether no pair is given.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Translates a path of the server. `None` if it stays as it is: it is relative, below no old path, or below a new
    /// path that is longer. (The new place may be below an old one.)
    #[must_use]
    pub fn translate<'a>(&'a self, path: &'a [u8]) -> Option<MovedPath<'a>> {
        let moved = longest(self.0.iter().map(|pair| (&*pair.old, &*pair.new)), path)?;
        let kept = longest(self.0.iter().map(|pair| (&*pair.new, &*pair.new)), path);
        // The longer a prefix, the shorter is what follows it.
        kept.is_none_or(|kept| moved.rest.len() <= kept.rest.len()).then_some(moved)
    }

    /// Translates a path back to the one that the server uses. `None` if it is below no new path.
    #[must_use]
    pub fn translate_back<'a>(&'a self, path: &'a [u8]) -> Option<MovedPath<'a>> {
        longest(self.0.iter().map(|pair| (&*pair.new, &*pair.old)), path)
    }

    /// Returns the place of a file that the server, or its user, names by this path.
    #[must_use]
    pub fn place_of(&self, path: PathBuf) -> PathBuf {
        self.translate(path.as_os_str().as_bytes()).map(MovedPath::to_path).unwrap_or(path)
    }
}

/// Replaces the longest of the first paths that `path` is below by the second one of its pair.
fn longest<'a>(pairs: impl Iterator<Item = (&'a Path, &'a Path)>, path: &'a [u8]) -> Option<MovedPath<'a>> {
    let moved = pairs.filter_map(|(from, to)| {
        let rest = rest_below(from.as_os_str().as_bytes(), path)?;
        Some(MovedPath { start: to.as_os_str().as_bytes(), rest })
    });
    moved.min_by_key(|moved| moved.rest.len())
}

/// Returns what follows `directory`, a path without repeated slashes, in `path`, an arbitrary one.
fn rest_below<'a>(directory: &[u8], path: &'a [u8]) -> Option<&'a [u8]> {
    let is_end = |rest: &[u8]| matches!(rest, [] | [b'/', ..]);
    let mut rest = path;
    for component in directory.split(|&byte| byte == b'/').skip(1) {
        rest = after_slashes(rest)?.strip_prefix(component).filter(|rest| is_end(rest))?;
    }
    Some(rest)
}

/// Skips slashes, and components `.` between them; `None` if there is no slash.
fn after_slashes(path: &[u8]) -> Option<&[u8]> {
    let mut rest = path.strip_prefix(b"/")?;
    while let Some(shorter) = rest.strip_prefix(b"/").or_else(|| rest.strip_prefix(b"./")) {
        rest = shorter;
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relocations(list: &str) -> Relocations {
        list.parse().expect("a valid list")
    }

    #[test]
    fn whole_components_below_an_old_path_move() {
        let list = relocations("/opt/server/=/b//root/opt/server:/etc/server.conf=/b/conf");
        for (path, moved) in [
            ("/opt/server", "/b/root/opt/server"),
            ("/opt/server/", "/b/root/opt/server/"),
            ("/opt/server/a/../b", "/b/root/opt/server/a/../b"),
            ("//opt/./server//a", "/b/root/opt/server//a"),
            ("/etc/server.conf", "/b/conf"),
            ("/opt/servers", "/opt/servers"),
            ("/opt", "/opt"),
            ("opt/server", "opt/server"),
            ("", ""),
        ] {
            assert_eq!(list.place_of(path.into()), Path::new(moved), "{path}");
        }
    }

    #[test]
    fn the_longest_prefix_wins() {
        for list in ["/a=/1:/a/b=/2", "/a/b=/2:/a=/1"] {
            let list = relocations(list);
            assert_eq!(list.place_of("/a/b/c".into()), Path::new("/2/c"));
            assert_eq!(list.place_of("/a/c".into()), Path::new("/1/c"));
        }
    }

    #[test]
    fn a_new_place_below_an_old_one_is_found() {
        let list = relocations("/home/me=/home/me/bundle/root");
        let moved = list.place_of("/home/me/file".into());
        assert_eq!(moved, Path::new("/home/me/bundle/root/file"));
        assert_eq!(list.place_of(moved.clone()), moved);
    }

    #[test]
    fn results_are_translated_back() {
        let list = relocations("/a=/b/a:/c=/b/a/c");
        let back = |path: &'static str| list.translate_back(path.as_bytes()).map(MovedPath::to_path);
        assert_eq!(back("/b/a/file"), Some("/a/file".into()));
        assert_eq!(back("/b/a/c"), Some("/c".into()));
        assert_eq!(back("/b"), None);
    }

    #[test]
    fn each_fault_of_a_list_is_named() {
        let error = |list: &str| list.parse::<Relocations>().expect_err(list).to_string();
        assert!(error("/a").contains("\"/a\" is not two paths"));
        assert!(error("/a=b=/c").contains("is not two paths"));
        assert!(error("/a:b=/c").contains("\"/a\" is not two paths"));
        assert!(error("a=/b").contains("\"a\" is not an absolute path"));
        assert!(error("/a=b").contains("\"b\" is not an absolute path"));
        assert!(error("/a/../b=/c").contains("without .."));
        assert!(error("/=/b").contains("/ cannot be at another place"));
        assert!(error("/proc/self=/b").contains("/proc/self cannot be"));
        assert!(error("/a=/b:/a/=/c").contains("/a is given twice"));
    }

    #[test]
    fn a_list_is_displayed_as_it_is_given() {
        let list = "/a=/b:/c=/d";
        assert_eq!(relocations(list).to_string(), list);
    }
}
