//! Warm-up requests. The server answers them before the first counted iteration, so that its lazy initialisation is
//! over: buffers are allocated and have grown, and tables are filled. No request asks the server to change anything.

/// The requests. Each is sent over a separate connection.
pub(super) const REQUESTS: &[&[u8]] = &[
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    LONG_HEADERS.as_bytes(),
    b"GET /?name=value&name=%20%41+b HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n",
    b"HEAD / HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-1,-2\r\nIf-None-Match: \"0\"\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello",
    b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /no-such-document HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"not a request\r\n\r\n",
];

/// Rounds of all requests. A request may leave state behind that the server sets up only for the next request.
pub(super) const ROUNDS: usize = 2;

/// Text of 64 characters: `long!()` repeats it 16 times, `long!(4)` 4 times.
macro_rules! long {
    () => {
        concat!(long!(4), long!(4), long!(4), long!(4))
    };
    (4) => {
        concat!(long!(1), long!(1), long!(1), long!(1))
    };
    (1) => {
        "0123456789abcdefghijklmnopqrstuvwxyz-0123456789-abcdefghijklmnop"
    };
}

const LONG_HEADERS: &str = concat!(
    "GET /",
    long!(4),
    "?",
    long!(4),
    " HTTP/1.1\r\nHost: localhost\r\nUser-Agent: ",
    long!(),
    "\r\nCookie: a=",
    long!(),
    "\r\nAccept: text/html, */*;q=0.5\r\nAccept-Encoding: gzip\r\nAccept-Language: en\r\nReferer: http://localhost/",
    long!(4),
    "\r\nX-Forwarded-For: 127.0.0.1\r\nAuthorization: Basic YTpi\r\n\r\n"
);
