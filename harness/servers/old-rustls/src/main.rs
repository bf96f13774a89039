//! A small server whose TLS is an old release of rustls, with bugs that are known: something for `--tls raw` to find.
//!
//! `old-rustls-server ADDRESS CERTIFICATES`
//!
//! It looks at the ClientHello before it chooses a configuration, as servers with several sites do.

use std::convert::Infallible;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::Acceptor;
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedProtocolVersion};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::LazyConfigAcceptor;

/// Site that is for new clients only.
const MODERN_SITE: &str = "example.com";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(address), Some(certificates)) = (arguments.next(), arguments.next()) else {
        return Err("usage: old-rustls-server ADDRESS CERTIFICATES".into());
    };
    let sites = Sites::new(Path::new(&certificates))?;
    let listener = TcpListener::bind(address).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        let sites = sites.clone();
        tokio::spawn(async move {
            if let Err(error) = sites.serve(stream).await {
                eprintln!("{error}");
            }
        });
    }
}

#[derive(Clone)]
struct Sites {
    modern: Arc<ServerConfig>,
    others: Arc<ServerConfig>,
}

impl Sites {
    /// Reads the server's certificate and its key from a directory that `sockfuzz certificate` has made.
    fn new(directory: &Path) -> Result<Self, Box<dyn Error>> {
        let config = |versions: &[&'static SupportedProtocolVersion]| -> Result<_, Box<dyn Error>> {
            let chain =
                CertificateDer::pem_file_iter(directory.join("server.crt"))?.collect::<Result<_, _>>()?;
            let key = PrivateKeyDer::from_pem_file(directory.join("server.key"))?;
            let config = ServerConfig::builder_with_protocol_versions(versions).with_no_client_auth();
            Ok(Arc::new(config.with_single_cert(chain, key)?))
        };
        Ok(Self { modern: config(&[&TLS13])?, others: config(&[&TLS12, &TLS13])? })
    }

    async fn serve(self, stream: TcpStream) -> Result<(), Box<dyn Error + Send + Sync>> {
        let handshake = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let is_modern = handshake.client_hello().server_name() == Some(MODERN_SITE);
        let stream = handshake.into_stream(if is_modern { self.modern } else { self.others }).await?;
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service_fn(answer)).await?;
        Ok(())
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::from(format!("{} {}\n", request.method(), request.uri().path()))))
}
