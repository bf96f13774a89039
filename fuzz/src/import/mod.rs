//! Inputs out of what others have recorded: packet captures, HTTP archives, raw requests.

mod capture;
mod connections;
mod har;
mod name;
mod raw;
mod sessions;
mod store;
mod tcp;

use anyhow::Result;

use crate::corpus::Seed;

pub use store::{Outcome, Store};

/// An input before it has a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// What it may be called: a file's name.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What it was made from, for the report.
    pub made_from: String,
}

/// What a file gave.
#[derive(Debug, Default)]
pub struct Found {
    /// Inputs.
    pub inputs: Vec<Input>,
    /// What gave none, and why.
    pub skipped: Vec<String>,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wish {
    /// Of a capture, only connections to this port.
    pub port: Option<u16>,
    /// In raw requests, bare line feeds in the head become CRLF.
    pub crlf: bool,
}

/// Reads a file: its content tells what it is.
///
/// # Errors
/// A file that is damaged.
pub fn read(file: &Seed, wish: Wish) -> Result<Found> {
    if capture::is_capture(&file.bytes) {
        let packets = capture::Packets::read(file)?;
        Ok(sessions::from_packets(&packets, wish))
    } else if har::is_archive(file) {
        har::read(file)
    } else {
        Ok(raw::read(file, wish))
    }
}
