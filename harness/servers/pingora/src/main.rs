//! A small server on pingora: a service of two threads, without TLS.
//!
//! `pingora-server ADDRESS`

use std::error::Error;

use async_trait::async_trait;
use http::{Method, Response, StatusCode};
use pingora::apps::http_app::{HttpServer, ServeHttp};
use pingora::modules::http::compression::ResponseCompressionBuilder;
use pingora::protocols::http::ServerSession;
use pingora::server::Server;
use pingora::services::listening::Service;
use serde_json::Value;

fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).ok_or("usage: pingora-server ADDRESS")?;
    let mut server = Server::new(None)?;
    server.bootstrap();
    let mut routes = HttpServer::new_app(Routes);
    routes.add_module(ResponseCompressionBuilder::enable(6));
    let mut service = Service::new("routes".to_owned(), routes);
    service.threads = Some(2);
    service.add_tcp(&address);
    server.add_service(service);
    server.run_forever()
}

struct Routes;

#[async_trait]
impl ServeHttp for Routes {
    async fn response(&self, session: &mut ServerSession) -> Response<Vec<u8>> {
        answer(session).await.unwrap_or_else(empty)
    }
}

async fn answer(session: &mut ServerSession) -> Result<Response<Vec<u8>>, StatusCode> {
    let head = session.req_header();
    let (method, uri) = (head.method.clone(), head.uri.clone());
    match (&method, uri.path()) {
        (&Method::GET | &Method::HEAD, "/") => Ok(full(b"hello\n".to_vec())),
        (&Method::GET, "/big") => Ok(full(big(uri.query().unwrap_or_default().as_bytes()))),
        (&Method::GET, "/query") => Ok(full(list(uri.query().unwrap_or_default().as_bytes()))),
        (&Method::PATCH, "/echo") => {
            let body = body(session).await?;
            let value: Value = serde_json::from_slice(&body).map_err(|_| StatusCode::BAD_REQUEST)?;
            Ok(full(value.to_string().into_bytes()))
        }
        (_, "/echo") => Ok(full(body(session).await?)),
        (&Method::POST, "/form") => Ok(full(list(&body(session).await?))),
        (_, path) => {
            let code = path.strip_prefix("/status/").and_then(|code| code.parse().ok());
            Ok(empty(code.unwrap_or(StatusCode::NOT_FOUND)))
        }
    }
}

async fn body(session: &mut ServerSession) -> Result<Vec<u8>, StatusCode> {
    let mut body = Vec::new();
    while let Some(chunk) = session.read_request_body().await.map_err(|_| StatusCode::BAD_REQUEST)? {
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Returns the requested number of lines.
fn big(query: &[u8]) -> Vec<u8> {
    let size = form_urlencoded::parse(query).find(|(name, _)| name == "size");
    let size = size.and_then(|(_, size)| size.parse().ok()).unwrap_or(0_usize);
    b"All work and no play makes Jack a dull boy.\n".repeat(size.min(10_000))
}

/// Formats the decoded pairs of a form or a query, one per line.
fn list(encoded: &[u8]) -> Vec<u8> {
    let pairs = form_urlencoded::parse(encoded).map(|(name, value)| format!("{name} = {value}\n"));
    pairs.collect::<String>().into_bytes()
}

fn empty(status: StatusCode) -> Response<Vec<u8>> {
    let mut response = full(Vec::new());
    *response.status_mut() = status;
    response
}

fn full(content: Vec<u8>) -> Response<Vec<u8>> {
    let mut response = Response::new(content);
    let length = response.body().len().into();
    response.headers_mut().insert(http::header::CONTENT_LENGTH, length);
    response
}
