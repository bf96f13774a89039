//! Options and results of all importers.

/// Imported input, not yet written to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedInput {
    /// Suggested file name.
    pub name: String,
    /// Content.
    pub bytes: Vec<u8>,
    /// Origin, for the report.
    pub made_from: String,
}

/// Result of importing one file.
#[derive(Debug, Default)]
pub struct ImportResult {
    /// The inputs.
    pub inputs: Vec<ImportedInput>,
    /// Parts of the file that yielded no input, each with the reason.
    pub skipped: Vec<String>,
}

/// Options of the import.
#[derive(Debug, Clone, Copy, Default)]
pub struct ImportOptions {
    /// In captures, take only connections to this port.
    pub port: Option<u16>,
    /// In raw requests, turn bare line feeds of the head into CRLF.
    pub crlf: bool,
}
