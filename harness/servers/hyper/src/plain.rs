//! Connections without TLS.

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;

use super::answer;

#[derive(Clone)]
pub struct Acceptor;

impl Acceptor {
    pub fn new(certificates: Option<String>) -> Result<Self, String> {
        match certificates {
            None => Ok(Self),
            Some(_) => {
                Err("this server does not speak TLS: build it with the feature ring or aws-lc".to_owned())
            }
        }
    }

    pub async fn serve(self, stream: TcpStream) -> Result<(), hyper::Error> {
        let stream = TokioIo::new(stream);
        http1::Builder::new().timer(TokioTimer::new()).serve_connection(stream, service_fn(answer)).await
    }
}
