//! hyper on tokio's multi-threaded runtime: hyper's parser and framing, this crate's routes.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Chain;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::HeaderMap;
use hyper::body::{Bytes, Incoming};
use hyper::header::TRANSFER_ENCODING;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener as AsyncListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use super::watched::Watched;
use super::{IDLE_TIMEOUT, LINGER_TIMEOUT, READ_SIZE, accept};
use crate::http::{Head, Headers, HttpError, MAX_BODY, Request, Response, Target, Version};
use crate::{Session, Site};

type HyperRequest = hyper::Request<Incoming>;
type HyperResponse = hyper::Response<Full<Bytes>>;

pub(super) fn serve(listener: TcpListener, site: Site, threads: usize) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    runtime(threads)?.block_on(accept_all(listener, site))
}

fn runtime(threads: usize) -> io::Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(threads).enable_all();
    if cfg!(fuzzing) {
        // By default, a worker polls events and the global queue when it is idle, and also after every 61
        // tasks or so. The latter happens in one request of several, independently of the input.
        builder.event_interval(u32::MAX).global_queue_interval(u32::MAX);
    }
    builder.build()
}

async fn accept_all(listener: TcpListener, site: Site) -> io::Result<()> {
    let listener = AsyncListener::from_std(listener)?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(converse(stream, site));
            }
            Err(error) => accept::survive(error)?,
        }
    }
}

async fn converse(stream: TcpStream, site: Site) {
    // An error affects latency only.
    let _best_effort = stream.set_nodelay(true);
    let session = Arc::new(Mutex::new(site.session()));
    let watched = Watched::new(stream, Arc::clone(&session));
    let service = service_fn(move |request| answer(request, Arc::clone(&session)));
    let mut connection = http1::Builder::new()
        .half_close(true)
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE_TIMEOUT)
        .serve_connection(TokioIo::new(watched), service);
    // If the connection failed, hyper has sent an error response where that was possible.
    let _ended = (&mut connection).await;
    linger(connection.into_parts().io.into_inner().into_stream()).await;
}

/// Reads until the client closes; hyper has closed the server's side. Dropping the stream with unread input would
/// make the kernel reset the connection, and the client might lose the last response (RFC 9112, section 9.6).
async fn linger(mut stream: TcpStream) {
    let mut buffer = [0; READ_SIZE];
    let drain = async { while stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {} };
    let _either_way = timeout(LINGER_TIMEOUT, drain).await;
}

async fn answer(
    request: HyperRequest,
    session: Arc<Mutex<Session>>,
) -> Result<HyperResponse, Box<dyn Error + Send + Sync>> {
    let chunked = request.headers().contains_key(TRANSFER_ENCODING);
    let answer = match receive(request).await {
        Ok(Ok(request)) => lock(&session).answer(&request),
        Ok(Err(error)) => Response::from(error),
        Err(error) => {
            if is_reset(&*error) {
                lock(&session).lost_in_body(chunked);
            }
            return Err(error);
        }
    };
    Ok(to_hyper(answer)?)
}

pub(super) fn lock(session: &Mutex<Session>) -> MutexGuard<'_, Session> {
    session.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a connection reset is among the causes of `error`.
fn is_reset(error: &(dyn Error + 'static)) -> bool {
    Chain::new(error)
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|error| error.kind() == ErrorKind::ConnectionReset)
}

/// Collects the body. The outer error is an error of the connection; the inner error is sent to the client.
async fn receive(request: HyperRequest) -> Result<Result<Request, HttpError>, Box<dyn Error + Send + Sync>> {
    let (parts, body) = request.into_parts();
    let collected = match Limited::new(body, MAX_BODY).collect().await {
        Ok(collected) => collected,
        Err(error) if error.is::<LengthLimitError>() => {
            return Ok(Err(HttpError::new(413, "body too large")));
        }
        Err(error) => return Err(error),
    };
    let trailers = collected.trailers().map(fields).unwrap_or_default();
    let method = parts.method.as_str().to_owned();
    let target = match Target::parse(&method, &parts.uri.to_string()) {
        Ok(target) => target,
        Err(error) => return Ok(Err(error)),
    };
    let version = match parts.version {
        hyper::Version::HTTP_10 => Version::Http10,
        _ => Version::Http11,
    };
    Ok(Ok(Request {
        head: Head { method, target, version, headers: fields(&parts.headers) },
        body: collected.to_bytes().to_vec(),
        trailers,
    }))
}

fn fields(map: &HeaderMap) -> Headers {
    let mut headers = Headers::default();
    for (name, value) in map {
        headers.push(name.as_str(), value.as_bytes());
    }
    headers
}

fn to_hyper(answer: Response) -> Result<HyperResponse, hyper::http::Error> {
    let mut builder = hyper::Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        builder = builder.header(*name, value);
    }
    builder.body(Full::from(answer.body))
}
