//! Paths as a server gives them.

use std::path::{Component, Path, PathBuf};

/// Returns the path without `.`, `..` and doubled slashes. Symbolic links stay, because the server names files by them.
#[must_use]
pub fn normalized(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_normalized_without_following_links() {
        let normal = |path: &str| normalized(Path::new(path)).display().to_string();
        assert_eq!(normal("/a/./b//../c"), "/a/c");
        assert_eq!(normal("/../etc"), "/etc");
    }
}
