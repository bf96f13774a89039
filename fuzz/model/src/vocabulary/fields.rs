//! Known header fields and their values.

use super::KnownField;

macro_rules! fields {
    ($($name:literal: $($value:literal)|+;)+) => {
        &[$(KnownField { name: $name, values: &[$($value),+] }),+]
    };
}

/// Fields that servers process.
pub const FIELDS: &[KnownField] = fields! {
    // Framing and the connection.
    "Host": "localhost" | "a" | "a:80" | "[::1]:80" | "x.example.org" | "redirect.example.com" | "";
    "Content-Length": "0" | "1" | "5" | "10" | "100" | "00005" | "+5" | "5, 5" | "5,6" | "-1" | "18446744073709551616" | "0x5" | "5 ";
    "Transfer-Encoding": "chunked" | "Chunked" | "identity" | "gzip, chunked" | "chunked, gzip" | "chunked, chunked"
        | "chunked;a=b" | "\"chunked\"" | "xchunked" | " chunked" | "chunked\t" | "\x0bchunked" | "gzip" | ", chunked," | "deflate, chunked";
    "Connection": "close" | "keep-alive" | "Keep-Alive, close" | "upgrade" | "Upgrade, HTTP2-Settings" | "TE" | "Host, Content-Length" | "te, close" | ",";
    "Keep-Alive": "timeout=5, max=1000" | "timeout=0" | "300";
    "Proxy-Connection": "keep-alive" | "close";
    "Trailer": "X-T" | "Content-Length" | "Expires, X-T";
    "TE": "trailers" | "trailers, deflate;q=0.5" | "gzip" | "chunked;q=1" | "";
    "Expect": "100-continue" | "100-Continue" | "200-ok" | "100-continue, x" | "";
    "Upgrade": "websocket" | "h2c" | "TLS/1.0" | "HTTP/2.0, websocket" | "foo/1, h2c";
    "HTTP2-Settings": "AAMAAABkAAQAAP__" | "AAEAABAAAAIAAAABAAN_____AAQAAP__AAUAAEAAAAYABAAA" | "" | "*";
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==" | "AAAA" | "";
    "Sec-WebSocket-Version": "13" | "8" | "0";
    "Sec-WebSocket-Protocol": "chat, superchat" | "binary";
    "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits" | "x-webkit-deflate-frame";
    "Max-Forwards": "0" | "1" | "10" | "-1";
    "Via": "1.1 a" | "1.0 fred, 1.1 p.example.net (Apache/1.1)" | "HTTP/1.1 x";
    "Early-Data": "1" | "0";
    // Content.
    "Content-Type": "application/x-www-form-urlencoded" | "multipart/form-data; boundary=x" | "multipart/form-data; boundary=\"a b\""
        | "multipart/form-data" | "text/plain; charset=utf-8" | "application/json" | "application/xml" | "text/html" | "text/xml; charset=\"utf-16\"" | "application/grpc" | "message/http" | "/" | "";
    "Content-Encoding": "gzip" | "deflate" | "br" | "identity" | "gzip, gzip" | "zstd" | "x-gzip";
    "Content-Range": "bytes 0-4/10" | "bytes 0-4/*" | "bytes */10" | "bytes 5-4/10" | "bytes 0-18446744073709551615/18446744073709551616" | "items 0-1/2" | "bytes 0-0/1";
    "Content-Disposition": "form-data; name=\"a\"" | "attachment; filename=\"a.txt\"" | "form-data; name=a; filename*=utf-8''a%20b";
    "Content-Location": "/a" | "http://a/b";
    "Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg==" | "x";
    "Digest": "sha-256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    "Date": "Wed, 01 Jan 2020 00:00:00 GMT" | "x";
    // Negotiation.
    "Accept": "*/*" | "text/html" | "text/*;q=0.3, text/html;q=0.7, */*;q=0.5" | "application/json" | "image/*" | "text/html;level=1" | "" | "*";
    "Accept-Charset": "utf-8" | "utf-8, iso-8859-1;q=0.5, *;q=0.1" | "*";
    "Accept-Encoding": "gzip" | "gzip, deflate, br" | "gzip;q=0" | "gzip;q=1.0, identity;q=0.5, *;q=0" | "*" | "identity" | "deflate" | "br;q=0.001, gzip;q=0.0009" | "zstd" | "x-gzip" | "compress" | "";
    "Accept-Language": "de" | "en-US,en;q=0.5" | "de-DE, *;q=0.1" | "*" | "";
    "User-Agent": "curl/8.5.0" | "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/115.0" | "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)" | "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; SV1)"
        | "Mozilla/5.0 AppleWebKit/605.1.15 Safari/605.1.15" | "Mozilla/5.0 AppleWebKit/537.36 Chrome/120.0.0.0 Safari/537.36" | "Konqueror" | "Opera/9.80" | "";
    "Referer": "http://localhost/" | "https://a.example.net/path?x" | "x.example.org" | "/" | "http://" | "";
    "Cookie": "session=abc; lang=de" | "a=b" | "a" | "$Version=1; a=\"b\"; $Path=/" | "session=;;=" | "a=b;a=c" | "session=%00";
    "Origin": "http://a" | "null" | "https://x.example.org:443";
    "From": "a@b";
    "Prefer": "return=minimal" | "respond-async, wait=10";
    "Priority": "u=1, i" | "u=9";
    // Conditions, ranges, caching.
    "If-Match": "*" | "\"x\"" | "W/\"x\"" | "\"x\", \"y\"" | "x" | "\"" | "";
    "If-None-Match": "*" | "\"x\"" | "W/\"x\"" | "W/\"x\", \"y\",," | "\"5e0be100-da\"" | "x" | "W/" | "";
    "If-Modified-Since": "Wed, 01 Jan 2020 00:00:00 GMT" | "Thu, 01 Jan 1970 00:00:00 GMT" | "Fri, 31 Dec 9999 23:59:59 GMT" | "Wednesday, 01-Jan-20 00:00:00 GMT"
        | "Wed Jan  1 00:00:00 2020" | "Mon, 30 Feb 2032 24:60:61 GMT" | "Wed, 29 Feb 2023 00:00:00 GMT" | "x" | "0" | "";
    "If-Unmodified-Since": "Wed, 01 Jan 2020 00:00:00 GMT" | "Thu, 01 Jan 1970 00:00:00 GMT" | "Fri, 31 Dec 9999 23:59:59 GMT" | "Sunday, 06-Nov-94 08:49:37 GMT" | "Sun Nov  6 08:49:37 1994" | "x";
    "If-Range": "\"x\"" | "W/\"x\"" | "\"5e0be100-da\"" | "Wed, 01 Jan 2020 00:00:00 GMT" | "Fri, 31 Dec 9999 23:59:59 GMT" | "Thu, 01 Jan 1970 00:00:00 GMT" | "x";
    "Range": "bytes=0-0" | "bytes=0-" | "bytes=-1" | "bytes=0-0,-1" | "bytes=0-1,3-4,6-7" | "bytes=1-" | "bytes=5-1" | "bytes=9999-" | "bytes=-0" | "bytes=0-,0-,0-,0-"
        | "bytes=0-18446744073709551615" | "bytes=-9223372036854775808" | "bytes = 0-1" | "bytes=,0-1" | "Bytes=0-1 , 2-3" | "bytes=" | "bytes=-" | "items=0-1" | "bytes=0-1;x" | "bytes=100-200,300-400";
    "Request-Range": "bytes=0-1";
    "Cache-Control": "no-cache" | "no-store" | "max-age=0" | "only-if-cached" | "max-stale=10, min-fresh=5" | "no-transform";
    "Pragma": "no-cache";
    // Credentials.
    "Authorization": "Basic ZnV6ejpmdXp6" | "Basic ZnV6ejp3cm9uZw==" | "Basic" | "Basic !" | "Basic Og==" | "basic ZnV6ejpmdXp6" | "Bearer abc" | "Negotiate YII="
        | "Digest username=\"fuzz\", realm=\"private\", nonce=\"0:x\", uri=\"/digest/\", qop=auth, nc=00000001, cnonce=\"a\", response=\"00000000000000000000000000000000\", algorithm=MD5"
        | "Digest username=\"fuzz\", realm=\"private\", nonce=\"5e0be100:x\", uri=\"/\", response=\"x\", algorithm=SHA-256, userhash=true" | "";
    "Proxy-Authorization": "Basic ZnV6ejpmdXp6" | "Bearer x";
    // Fields that proxies add.
    "Forwarded": "for=127.0.0.1" | "for=\"[2001:db8::1]:80\"; by=_hidden; proto=https; host=a" | "for=10.0.0.1, for=192.168.0.1" | "for=unknown" | "For=\"_x\";secret=a" | "by=" | "host=\"x.example.org\"";
    "X-Forwarded-For": "127.0.0.1" | "10.0.0.1, 192.168.0.1" | "::1" | "[::1]:80" | "192.168.0.1:1234" | "unknown" | "10.0.0.1,10.0.0.2 , 10.0.0.3" | "256.0.0.1" | "1:2:3:4:5:6:7:8" | "fe80::1" | "2001:db8::1, 10.0.0.1" | "::ffff:10.0.0.1" | "1::8" | "::1:2:3, 127.0.0.1" | "1:2::" | "::" | "[2001:db8::ffff]:8080" | "ffff::10.0.0.1" | "1::2::3" | "127.0.0.1, ::1" | "";
    "X-Forwarded-Host": "a" | "x.example.org:80";
    "X-Forwarded-Proto": "https" | "http";
    "X-Forwarded-Port": "443";
    "X-Real-IP": "10.0.0.1" | "::1" | "2001:db8::1";
    "X-Request-ID": "abc";
    "X-HTTP-Method-Override": "PUT" | "DELETE";
    "X-Original-URL": "/private/";
    "X-Rewrite-URL": "/private/";
    "X-Requested-With": "XMLHttpRequest";
    "X-Sendfile": "/a";
    "X-Accel-Redirect": "/private/";
    // WebDAV.
    "Depth": "0" | "1" | "infinity" | "Infinity" | "2" | "1,noroot" | "";
    "Destination": "/dav/file" | "http://localhost/dav/b" | "http://a/dav/../x" | "/dav/%2e%2e/y" | "https://other/" | "dav" | "http://localhost" | "";
    "Overwrite": "T" | "F" | "t" | "";
    "Lock-Token": "<opaquelocktoken:e71d4fae-5dec-22d6-fea5-00a0c91e6be4>" | "<x>" | "x";
    "If": "(<opaquelocktoken:x>)" | "</a> (<urn:x> [\"y\"]) (Not <DAV:no-lock>)" | "([W/\"x\"])" | "(";
    "Timeout": "Second-10" | "Infinite, Second-4100000000" | "Second-";
    "DAV": "1, 2";
    "Apply-To-Redirect-Ref": "T";
    // Origins.
    "Access-Control-Request-Method": "PUT" | "x";
    "Access-Control-Request-Headers": "X-A, Content-Type";
    "Sec-Fetch-Mode": "cors";
    "Upgrade-Insecure-Requests": "1";
    "DNT": "1";
    "X": "" | "a" | "\u{fc}";
    "": "a";
    "X_Y": "a";
};

/// Names of fields without known values, most of them response fields (IANA, Hypertext Transfer Protocol
/// Field Name Registry). Many parsers recognise them in requests, too.
#[rustfmt::skip]
pub const FIELD_NAMES: &[&str] = &[
    "Accept-CH", "Accept-Patch", "Accept-Post", "Accept-Ranges", "Access-Control-Allow-Credentials",
    "Access-Control-Allow-Headers", "Access-Control-Allow-Methods", "Access-Control-Allow-Origin",
    "Access-Control-Expose-Headers", "Access-Control-Max-Age", "Age", "Allow", "ALPN", "Alt-Svc", "Alt-Used",
    "Authentication-Info", "Cache-Status", "CDN-Cache-Control", "CDN-Loop", "Clear-Site-Data",
    "Content-Digest", "Content-Language", "Content-Security-Policy", "Content-Security-Policy-Report-Only",
    "Cookie2", "Cross-Origin-Embedder-Policy", "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy",
    "DASL", "Delta-Base", "DPoP", "ETag", "Expect-CT", "Expires", "IM", "Incremental", "Last-Modified", "Link",
    "Location", "MIME-Version", "NEL", "OData-Version", "Ordering-Type", "Origin-Agent-Cluster", "P3P",
    "Permissions-Policy", "Ping-From", "Preference-Applied", "Proxy-Authenticate",
    "Proxy-Authentication-Info", "Proxy-Status", "Public-Key-Pins", "Public-Key-Pins-Report-Only",
    "Referrer-Policy", "Refresh", "Reporting-Endpoints", "Repr-Digest", "Retry-After", "Sec-Fetch-Dest",
    "Sec-Fetch-Site", "Sec-Fetch-User", "Sec-GPC", "Sec-Purpose", "Sec-WebSocket-Accept", "Server",
    "Server-Timing", "Set-Cookie", "Set-Cookie2", "Signature", "Signature-Input", "SLUG", "SoapAction",
    "Status", "Strict-Transport-Security", "Sunset", "Surrogate-Capability", "Surrogate-Control", "Traceparent",
    "Tracestate", "Vary", "Want-Digest", "Warning", "WWW-Authenticate", "X-ATT-DeviceId",
    "X-Content-Type-Options", "X-DNS-Prefetch-Control", "X-Download-Options", "X-Frame-Options",
    "X-Permitted-Cross-Domain-Policies", "X-Powered-By", "X-UA-Compatible", "X-XSS-Protection",
];
