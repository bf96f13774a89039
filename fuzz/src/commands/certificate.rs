//! `sockfuzz certificate`: makes certificates for a server that speaks TLS.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::note;
use crate::util::certificates::{CertificateSet, FILES};
use crate::util::exit_code;

/// Shown below the help text.
pub const EXAMPLES: &str = "\
Examples:
  sockfuzz certificate -o tls
  curl --cacert tls/ca.crt --cert tls/client.crt --key tls/client.key https://localhost:8443/

The directory gets ca.crt, server.crt, server.key, client.crt and client.key, in PEM: a certificate of the server for \
localhost, 127.0.0.1, ::1 and example.com, one of a client, and the authority that signed both. Keys are for ECDSA on P-256. They \
are for tests: the certificates never expire.

A directory that has all these files is left as it is. One that has some of them is refused.

Exit status: 0; 1 when files cannot be written, or the directory has a part of a set.";

/// Arguments of `certificate`.
#[derive(Debug, Args)]
pub struct CertificateArguments {
    /// The directory, which is created if necessary
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    /// Replace the certificates that it has
    #[arg(long)]
    pub force: bool,
}

/// Makes the certificates, and prints the files.
///
/// # Errors
/// When files cannot be written, or the directory has a part of a set.
pub fn run(arguments: &CertificateArguments) -> Result<u8> {
    let CertificateArguments { output, force } = arguments;
    if CertificateSet::make(output, *force)? == CertificateSet::Kept {
        note!("{} has these certificates, which are kept; --force makes new ones", output.display());
    }
    for (name, meaning) in FILES {
        println!("{}  {meaning}", output.join(name).display());
    }
    Ok(exit_code::OK)
}
