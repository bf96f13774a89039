//! Known names and values of header fields.

/// Pseudo-header fields of requests, with values that servers handle specially.
pub const PSEUDO_HEADERS: &[(&str, &[&str])] = &[
    (":method", &["GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "CONNECT", "TRACE", "PRI", ""]),
    (":scheme", &["http", "https", "ws", ""]),
    (":path", &["/", "/notes.txt", "/static/notes.txt", "/files/", "/big", "/query?name=a", "*", "/../", ""]),
    (":authority", &["localhost", "redirect.example.com", "localhost:80", "[::1]:1", "a@b", ""]),
    (":protocol", &["websocket", "connect-udp"]),
    (":status", &["200"]),
];

/// Fields, with values that servers handle specially.
pub const FIELDS: &[(&str, &[&str])] = &[
    ("accept", &["*/*", "text/html;q=0.5, text/plain"]),
    ("accept-encoding", &["gzip", "gzip, deflate, br", "identity;q=0"]),
    ("authorization", &["Basic ZnV6ejpmdXp6"]),
    ("connection", &["close", "upgrade"]),
    ("content-length", &["0", "5", "4294967296", "-1", "18446744073709551616"]),
    ("content-type", &["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]),
    ("cookie", &["a=1", "session=abc; lang=de"]),
    ("expect", &["100-continue"]),
    ("host", &["localhost", "redirect.example.com", ""]),
    ("if-modified-since", &["Wed, 01 Jan 2020 00:00:00 GMT"]),
    ("if-none-match", &["*", "\"a\", W/\"b\""]),
    ("priority", &["u=0", "u=7, i", "u=9"]),
    ("range", &["bytes=0-3", "bytes=-5", "bytes=0-0,5-", "bytes=9-2"]),
    ("referer", &["http://localhost/"]),
    ("te", &["trailers", "gzip"]),
    ("transfer-encoding", &["chunked"]),
    ("upgrade", &["websocket", "h2c"]),
    ("user-agent", &["curl/8.0"]),
    ("x-forwarded-for", &["10.0.0.1, 127.0.0.1"]),
    ("Upper-Case", &["a"]),
    ("", &[""]),
    ("a b", &["\r\nx: y", "\0", " a "]),
];
