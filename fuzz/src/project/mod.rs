//! The project file, `sockfuzz.toml`: a campaign's server, its build and environment, and options. Its keys are the flags of
//! the command line: values become arguments in front of the user's, so that what a flag accepts is declared once.

mod additions;
pub mod build_system;
mod check;
mod command_line;
mod file;
pub mod first_file;
mod keys;
mod user_line;
mod words;

pub use command_line::CompletedLine;
pub use file::FILE_NAME;
pub use keys::{COMMANDS, SERVER, is_key, is_shared};
