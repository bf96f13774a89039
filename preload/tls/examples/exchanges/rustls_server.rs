//! Server of rustls.

use std::io::{Read, Write};
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};

use crate::{Certificate, Context, Server};

pub(crate) struct RustlsContext(Arc<ServerConfig>);

struct RustlsServer {
    connection: ServerConnection,
    request: Vec<u8>,
}

impl RustlsContext {
    pub(crate) fn new(certificate: &Certificate) -> Self {
        let key = PrivateKeyDer::try_from(certificate.key.clone()).expect("the key is valid");
        let chain = vec![CertificateDer::from(certificate.certificate.clone())];
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has the versions")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("the certificate is valid");
        Self(Arc::new(config))
    }
}

impl Context for RustlsContext {
    fn accept(&self) -> Box<dyn Server> {
        let connection = ServerConnection::new(Arc::clone(&self.0)).expect("the configuration is valid");
        Box::new(RustlsServer { connection, request: Vec::new() })
    }
}

impl Server for RustlsServer {
    fn receive(&mut self, mut records: &[u8]) {
        while !records.is_empty() {
            self.connection.read_tls(&mut records).expect("a slice can be read");
            self.connection.process_new_packets().expect("the client keeps to the protocol");
        }
    }

    fn received(&mut self) -> usize {
        let _nothing_left = self.connection.reader().read_to_end(&mut self.request);
        self.request.len()
    }

    fn answer(&mut self, answer: &[u8]) {
        self.connection.writer().write_all(answer).expect("the buffer has room");
    }

    fn send(&mut self, records: &mut Vec<u8>) {
        while self.connection.wants_write() {
            self.connection.write_tls(records).expect("a vector takes everything");
        }
    }
}
