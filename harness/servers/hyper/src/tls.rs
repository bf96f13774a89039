//! Connections with TLS, by rustls: HTTP/2 or HTTP/1, as ALPN says.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
#[cfg(feature = "aws-lc")]
use tokio_rustls::rustls::crypto::aws_lc_rs as provider;
#[cfg(feature = "ring")]
use tokio_rustls::rustls::crypto::ring as provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::answer;

/// Name of HTTP/2 in ALPN (RFC 9113, section 3.2).
const HTTP2: &[u8] = b"h2";

#[derive(Clone)]
pub struct Acceptor(TlsAcceptor);

impl Acceptor {
    /// Reads the server's certificate and its key from a directory that `sockfuzz certificate` has made.
    pub fn new(certificates: Option<String>) -> Result<Self, Box<dyn Error>> {
        let directory = certificates.ok_or("give the directory of the certificates")?;
        let directory = Path::new(&directory);
        let chain = CertificateDer::pem_file_iter(directory.join("server.crt"))?.collect::<Result<_, _>>()?;
        let key = PrivateKeyDer::from_pem_file(directory.join("server.key"))?;
        let mut config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key)?;
        config.alpn_protocols = vec![HTTP2.to_vec(), b"http/1.1".to_vec()];
        // Sessions are resumed by tickets, so that the server keeps no state of earlier ones.
        config.ticketer = provider::Ticketer::new()?;
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    pub async fn serve(self, stream: TcpStream) -> Result<(), Box<dyn Error + Send + Sync>> {
        let stream = self.0.accept(stream).await?;
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(HTTP2);
        let (stream, service) = (TokioIo::new(stream), service_fn(answer));
        if is_http2 {
            let mut builder = http2::Builder::new(TokioExecutor::new());
            builder.timer(TokioTimer::new()).serve_connection(stream, service).await?;
        } else {
            let mut builder = http1::Builder::new();
            builder.timer(TokioTimer::new()).serve_connection(stream, service).await?;
        }
        Ok(())
    }
}
