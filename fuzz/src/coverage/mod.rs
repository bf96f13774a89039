//! Coverage of source lines that people read (`sockfuzz cover`): what the runtimes of clang, rustc and gcc have counted,
//! as one list of files with their lines and functions, and what follows from it. HTML is made by others: llvm-cov,
//! grcov or genhtml. Among each other, these modules import down only, from the last line of this list to the first.

pub mod tracefile;

pub mod demangler;
pub mod llvm_tools;

pub mod gcc;
pub mod llvm;

pub mod difference;
pub mod summary;
pub mod unreached;

pub mod folder;
