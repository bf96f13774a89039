//! Words of HTTP/1.1, grouped by the elements that they fit. A known word passes a parser's first
//! comparison; the unusual words test the code after it.

mod fields;

pub use fields::{FIELD_NAMES, FIELDS};

/// Header field with values that servers handle specially.
#[derive(Debug, Clone, Copy)]
pub struct KnownField {
    /// The name as it is usually spelled.
    pub name: &'static str,
    /// Known values.
    pub values: &'static [&'static str],
}

/// Methods of HTTP, WebDAV and its extensions, and an unknown method.
#[rustfmt::skip]
pub const METHODS: &[&str] = &[
    "GET", "GET", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PATCH",
    "PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "REPORT", "SEARCH", "MKCALENDAR",
    "ACL", "BIND", "CHECKOUT", "PURGE", "QUERY", "get", "BREW",
];

/// Versions. The first is the usual version.
#[rustfmt::skip]
pub const VERSIONS: &[&str] = &[
    "HTTP/1.1", "HTTP/1.0", "HTTP/0.9", "HTTP/1.2", "HTTP/2.0", "HTTP/3", "HTTP/1.10", "HTTP/01.1",
    "HTTP/1.", "http/1.1", "HTTP/1,1", "HTTP/11", "HTTP/1.1x", "HTTP/999999999999.1",
];

/// Path segments.
#[rustfmt::skip]
pub const PATH_SEGMENTS: &[&str] = &[
    "/", "//", "/.", "/..", "/./", "/../", "/%2e%2e/", "/%2e/", "/..%2f", "%2f", "%5c", "\\", "/index.html",
    "/index", ".html", ".php", ".txt", "~", "/~root", "/.htaccess", "/a", "/%61", "/%", "/%4", "/%zz",
    "%00", "%0a", "%0d%0a", "%20", "+", "%25", "%2525", "%u002f", "%c0%af", "%e2%82%ac", "%ff", ";a=b", ":",
    "@", "/static/", "/files/", "/status/204", "#fragment",
];

/// Pieces of queries.
#[rustfmt::skip]
pub const QUERIES: &[&str] = &[
    "?", "?a", "?a=b", "?name=value&size=10", "&", "&&", "&a=b", "&a=", "&=b", "=", ";a=b", "?a=%26%3d",
    "+", "%00", "%", "%f", "?size=0", "?size=65536", "?size=-1", "?a[]=1", "?a=b?c=d", "/../",
    "?expires=0&md5=x", "?a=<b>", "%3Cb%3E", "<", ">", "\"", "'", "&amp;", "?a=\"<&>'",
];

/// Hosts, with and without ports.
#[rustfmt::skip]
pub const HOSTS: &[&str] = &[
    "localhost", "a", "a:80", "127.0.0.1", "127.0.0.1:8080", "[::1]", "[::1]:80", "[::ffff:127.0.0.1]",
    "a.", ".a", "a..b", "A.EXAMPLE.COM", "www.example.com", "x.example.org", "redirect.example.com",
    "user:pw@a", "a:", "a:0", "a:65536", "a:-1", "a:x", "[::1", "::1", "a/b", "a b", "xn--mnchen-3ya.de",
    "%61", "a_b", "*", "",
];

/// Schemes of absolute targets.
#[rustfmt::skip]
pub const SCHEMES: &[&str] = &[
    "http://", "https://", "HTTP://", "ws://", "ftp://", "file://", "://",
];

/// Numbers at the limits of integer types, and spellings that only some parsers accept.
#[rustfmt::skip]
pub const NUMBERS: &[&str] = &[
    "0", "1", "2", "3", "7", "8", "15", "16", "99", "127", "128", "255", "256", "1000", "1023", "1024",
    "1025", "4095", "4096", "8192", "32767", "32768", "65535", "65536", "1048576", "2147483647",
    "2147483648", "4294967295", "4294967296", "9223372036854775807", "9223372036854775808",
    "18446744073709551615", "18446744073709551616", "99999999999999999999999", "-1", "+1", "00", "01",
    "0x10", "1e1", "1.0", "1 ", "",
];

/// Chunk sizes, most of them wrong.
#[rustfmt::skip]
pub const CHUNK_SIZES: &[&str] = &[
    "0", "1", "a", "A", "f", "10", "00", "000000000000000000001", "ff", "fff", "ffff", "7fffffff",
    "80000000", "ffffffff", "100000000", "7fffffffffffffff", "8000000000000000", "fffffffffffffffe",
    "ffffffffffffffff", "10000000000000000", "0x1", "-1", "+1", "g", "", " 1", "1 ",
];

/// Chunk extensions.
#[rustfmt::skip]
pub const CHUNK_EXTENSIONS: &[&str] = &[
    ";", ";a", ";a=b", ";a=\"b\"", ";a=\"b\\\"c\"", ";a=b;c=d", " ;a", "; a = b", ";=", ";a=\"", ";\r", " ",
    "\t",
];

/// Line ends, and bytes that some parsers accept as a line end.
#[rustfmt::skip]
pub const LINE_ENDS: &[&str] = &[
    "\r\n", "\n", "\r", "\r\r\n", "\n\r", " \r\n", "\t\r\n", "\0\r\n", "\r\n ", "\r\n\t", "\r\n\r\n", "",
];

/// Colons with surrounding white space, valid or not.
#[rustfmt::skip]
pub const COLONS: &[&str] = &[
    ": ", ":", " : ", " :", ":\t", ":  ", "\t: ", ":\r\n ", ":\n\t", "::", "", " ", "=", ":\0", ":\x0b",
];

/// Separators of list members and parameters.
#[rustfmt::skip]
pub const SEPARATORS: &[&str] = &[
    ", ", ",", ",,", " , ", ";", "; ", ";;", "=", "\"", "\\", ";q=0", ";q=1", ";q=0.5", ";q=0.001",
    ";q=1.001", ";q=", "; q = 0.1", " ", "\t", "(", ")", "/", "-", "*",
];

/// Contents of bodies.
#[rustfmt::skip]
pub const BODIES: &[&str] = &[
    "", "a", "a=b", "a=b&c=d", "name=value&size=10", "{}", "{\"a\":[1,null,true,\"b\"]}", "[]", "<a/>",
    "<?xml version=\"1.0\"?><propfind xmlns=\"DAV:\"><allprop/></propfind>",
    "<?xml version=\"1.0\"?><D:lockinfo xmlns:D=\"DAV:\"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>",
    "<D:propertyupdate xmlns:D=\"DAV:\"><D:set><D:prop><a/></D:prop></D:set></D:propertyupdate>",
    "0123456789abcdef", "0\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "\r\n", "\0", "\u{fffd}",
];

/// Groups of field lines that are used together, each with its method, or with an empty string for any method.
pub const FIELD_GROUPS: &[(&str, &str)] = &[
    ("", "Range: bytes=0-1,3-4\r\nIf-Range: Wed, 01 Jan 2020 00:00:00 GMT\r\n"),
    ("", "Range: bytes=0-0\r\nIf-Range: \"5e0be100-da\"\r\n"),
    ("", "Range: bytes=1-\r\nAccept-Encoding: gzip\r\n"),
    ("", "If-Match: *\r\nIf-None-Match: \"x\"\r\nIf-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT\r\n"),
    (
        "",
        "If-Modified-Since: Wed, 01 Jan 2020 00:00:00 GMT\r\nIf-Unmodified-Since: Wed, 01 Jan 2020 00:00:00 GMT\r\n",
    ),
    ("", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"),
    (
        "",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    ),
    ("", "Connection: TE\r\nTE: trailers\r\n"),
    ("", "Accept-Encoding: gzip\r\nVia: 1.1 a\r\nCache-Control: no-cache\r\n"),
    (
        "",
        "Accept-Encoding: gzip, deflate, br, zstd\r\nUser-Agent: Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)\r\n",
    ),
    ("", "X-Forwarded-For: 10.0.0.1, 192.168.0.1\r\nX-Forwarded-Proto: https\r\n"),
    ("PUT", "If-None-Match: *\r\nContent-Range: bytes 0-4/10\r\n"),
    ("PUT", "Date: Wed, 01 Jan 2020 00:00:00 GMT\r\nExpect: 100-continue\r\n"),
    ("POST", "Expect: 100-continue\r\nContent-Type: application/x-www-form-urlencoded\r\n"),
    ("DELETE", "Depth: infinity\r\n"),
    ("COPY", "Destination: http://localhost/dav/b\r\nOverwrite: F\r\nDepth: 0\r\n"),
    ("COPY", "Destination: /dav/b/\r\nDepth: infinity\r\n"),
    ("MOVE", "Destination: /dav/file\r\nOverwrite: T\r\nDepth: infinity\r\n"),
    ("PROPFIND", "Depth: 1\r\nContent-Type: application/xml\r\n"),
    ("PROPPATCH", "Content-Type: application/xml\r\nIf: (<opaquelocktoken:x>)\r\n"),
    ("LOCK", "Timeout: Infinite, Second-4100000000\r\nDepth: 0\r\n"),
    ("UNLOCK", "Lock-Token: <opaquelocktoken:e71d4fae-5dec-22d6-fea5-00a0c91e6be4>\r\n"),
    (
        "OPTIONS",
        "Origin: http://a\r\nAccess-Control-Request-Method: PUT\r\nAccess-Control-Request-Headers: X-A\r\n",
    ),
    ("TRACE", "Max-Forwards: 0\r\n"),
];

/// Returns the known field with this name, ignoring case.
#[must_use]
pub fn field(name: &[u8]) -> Option<&'static KnownField> {
    FIELDS.iter().find(|known| known.name.as_bytes().eq_ignore_ascii_case(name))
}
