//! Certificates for servers that speak TLS, made on the spot. They hold in all years, so that no server depends on the
//! time for them, and their keys are for ECDSA on the curve P-256: a handshake with RSA costs a server several times more.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, Error, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};

use super::output_file;
use super::problem::Problem;

/// Names and addresses that the server's certificate is for.
pub const SERVER_NAMES: [&str; 4] = ["localhost", "127.0.0.1", "::1", "example.com"];

/// Files of a set of certificates, in PEM (RFC 7468), with their meaning.
pub const FILES: [(&str, &str); 5] = [
    ("ca.crt", "the authority that signed the other two; its key is not kept"),
    ("server.crt", "the server's certificate, for localhost, 127.0.0.1, ::1 and example.com"),
    ("server.key", "its key"),
    ("client.crt", "a client's certificate, for servers that ask for one"),
    ("client.key", "its key"),
];

/// What became of a set of certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateSet {
    /// It was made.
    Made,
    /// The directory has one already, which is left as it is.
    Kept,
}

impl CertificateSet {
    /// Makes a set in this directory, which is created if necessary, unless it has one. With `force`, a new set replaces
    /// it.
    ///
    /// # Errors
    /// Without `force`, when the directory has a part of a set. When files cannot be written.
    pub fn make(directory: &Path, force: bool) -> Result<Self, Problem> {
        let (present, missing): (Vec<_>, Vec<_>) =
            FILES.iter().map(|(name, _)| *name).partition(|name| directory.join(name).exists());
        match (&present[..], &missing[..]) {
            (_, []) if !force => return Ok(Self::Kept),
            ([present, ..], [missing, ..]) if !force => {
                let what = format!("{} has {present}, but not {missing}", directory.display());
                return Err(Problem::failed(
                    what,
                    "choose another directory, or replace its certificates with --force",
                ));
            }
            _ => {}
        }
        fs::create_dir_all(directory).map_err(|error| {
            let what = format!("{} cannot be created: {error}", directory.display());
            Problem::failed(what, "choose another directory")
        })?;
        let texts = texts()
            .map_err(|error| Problem::failed(format!("no certificates can be made: {error}"), "try again"))?;
        for ((name, _), text) in FILES.iter().zip(texts) {
            write(&directory.join(name), &text, force)?;
        }
        Ok(Self::Made)
    }
}

/// Writes a file; only its owner can read a key.
fn write(path: &Path, text: &str, force: bool) -> Result<(), Problem> {
    let mut file = output_file::create(path, force)?;
    let mode = if path.extension().is_some_and(|extension| extension == "key") { 0o600 } else { 0o644 };
    file.set_permissions(Permissions::from_mode(mode)).and_then(|()| file.write_all(text.as_bytes())).map_err(
        |error| {
            Problem::failed(
                format!("{} cannot be written: {error}", path.display()),
                "choose another directory",
            )
        },
    )
}

/// Returns new texts for [`FILES`].
fn texts() -> Result<[String; FILES.len()], Error> {
    let mut authority = named("sockfuzz test authority", [])?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;

    let signed = |mut holder: CertificateParams, purpose: ExtendedKeyUsagePurpose| {
        holder.use_authority_key_identifier_extension = true;
        holder.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        holder.extended_key_usages = vec![purpose];
        let key = KeyPair::generate()?;
        Ok::<_, Error>([holder.signed_by(&key, &authority)?.pem(), key.serialize_pem()])
    };
    let [server, server_key] =
        signed(named(SERVER_NAMES[0], SERVER_NAMES)?, ExtendedKeyUsagePurpose::ServerAuth)?;
    let [client, client_key] = signed(named("sockfuzz", [])?, ExtendedKeyUsagePurpose::ClientAuth)?;
    Ok([authority.pem(), server, server_key, client, client_key])
}

fn named<const N: usize>(common_name: &str, alternatives: [&str; N]) -> Result<CertificateParams, Error> {
    let mut parameters = CertificateParams::new(alternatives.map(str::to_owned))?;
    parameters.distinguished_name.push(DnType::CommonName, common_name);
    Ok(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(directory: &Path) -> Vec<String> {
        let read = |name| fs::read_to_string(directory.join(name)).expect("a file of the set");
        FILES.iter().map(|(name, _)| read(name)).collect()
    }

    #[test]
    fn a_complete_set_is_kept_unless_a_new_one_is_forced() {
        let home = tempfile::tempdir().expect("tempdir");
        let directory = home.path().join("new/tls");
        assert_eq!(CertificateSet::make(&directory, false), Ok(CertificateSet::Made));
        let first = contents(&directory);
        assert!(first.iter().all(|text| text.starts_with("-----BEGIN ")));
        assert_eq!(CertificateSet::make(&directory, false), Ok(CertificateSet::Kept));
        assert_eq!(contents(&directory), first);
        assert_eq!(CertificateSet::make(&directory, true), Ok(CertificateSet::Made));
        assert!(contents(&directory).iter().zip(&first).all(|(new, old)| new != old));
    }

    #[test]
    fn a_part_of_a_set_is_neither_completed_nor_overwritten() {
        let home = tempfile::tempdir().expect("tempdir");
        fs::write(home.path().join("server.key"), "mine").expect("written");
        let problem = CertificateSet::make(home.path(), false).expect_err("refused");
        assert!(problem.what().ends_with("has server.key, but not ca.crt"), "{problem}");
        assert_eq!(fs::read_dir(home.path()).expect("listed").count(), 1);
    }

    #[test]
    fn only_the_owner_can_read_a_key() {
        let home = tempfile::tempdir().expect("tempdir");
        CertificateSet::make(home.path(), false).expect("made");
        for (name, _) in FILES {
            let mode = fs::metadata(home.path().join(name)).expect("made").permissions().mode();
            assert_eq!(mode & 0o077 == 0, name.ends_with(".key"), "{name}: {mode:o}");
        }
    }
}
