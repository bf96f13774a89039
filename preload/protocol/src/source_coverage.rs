//! Source coverage: how a server's processes are asked for it, and the names of the files that they leave.

/// Signal that makes a process save its source coverage and end. It is a real-time signal (signal(7)), of which servers
/// use few, and the lowest ones.
pub const SAVE_SIGNAL: i32 = 62;

/// Extension of a file in LLVM's raw format.
pub const PROFILE_EXTENSION: &str = "profraw";

/// Extension of the symbolic link beside it, to the executable or library that was run.
pub const OBJECT_EXTENSION: &str = "object";
