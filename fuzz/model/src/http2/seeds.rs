//! Seeds of `corpus/http2`, built from lists of frames.

use super::hpack::{Block, Field, HeaderEncoder, Indexing, Name, StringLiteral};
use super::{Connection, Frame, flag, kind, setting};

const GET: &[(&str, &str)] =
    &[(":method", "GET"), (":scheme", "http"), (":path", "/notes.txt"), (":authority", "localhost")];
const POST: &[(&str, &str)] =
    &[(":method", "POST"), (":scheme", "http"), (":path", "/form"), (":authority", "localhost")];
const END: u8 = flag::END_STREAM | flag::END_HEADERS;

/// Builder of a client's side of a connection.
struct ConnectionBuilder {
    encoder: HeaderEncoder,
    frames: Vec<Frame<'static>>,
}

impl ConnectionBuilder {
    fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: impl Into<Vec<u8>>) -> &mut Self {
        self.frames.push(Frame::new(kind, flags, stream, payload.into()));
        self
    }

    fn headers(&mut self, flags: u8, stream: u32, headers: &[&[(&str, &str)]]) -> &mut Self {
        let block = self.encoder.block(&headers.concat(), true);
        self.block(flags, stream, &block)
    }

    fn block(&mut self, flags: u8, stream: u32, block: &Block<'_>) -> &mut Self {
        self.frame(kind::HEADERS, flags, stream, block.serialise())
    }

    fn get(&mut self, stream: u32) -> &mut Self {
        self.headers(END, stream, &[GET])
    }

    fn post(&mut self, stream: u32) -> &mut Self {
        self.headers(flag::END_HEADERS, stream, &[POST, &[("content-type", "text/plain")]])
    }

    fn data(&mut self, flags: u8, stream: u32, data: &str) -> &mut Self {
        self.frame(kind::DATA, flags, stream, data)
    }

    fn settings(&mut self, settings: &[(u16, u32)]) -> &mut Self {
        let pair = |(name, value): &(u16, u32)| [&name.to_be_bytes()[..], &value.to_be_bytes()].concat();
        self.frame(kind::SETTINGS, 0, 0, settings.iter().flat_map(pair).collect::<Vec<_>>())
    }

    fn number(&mut self, kind: u8, stream: u32, number: u32) -> &mut Self {
        self.frame(kind, 0, stream, number.to_be_bytes())
    }

    /// Splits the last frame's payload into pieces that end at these offsets: a HEADERS frame becomes HEADERS
    /// and CONTINUATION, a DATA frame becomes several DATA frames.
    fn in_pieces(&mut self, ends: &[usize]) -> &mut Self {
        let Some(whole) = self.frames.pop() else { return self };
        let (kind, last_flag) = match whole.kind {
            kind::HEADERS => (kind::CONTINUATION, flag::END_HEADERS),
            kind => (kind, flag::END_STREAM),
        };
        let mut begin = 0;
        for (number, &end) in ends.iter().chain([&whole.payload.len()]).enumerate() {
            let last = end == whole.payload.len();
            let own = if number == 0 { whole.flags } else { last_flag };
            let flags = if last { own } else { own & !last_flag };
            let kind = if number == 0 { whole.kind } else { kind };
            self.frame(kind, flags, whole.stream, &whole.payload[begin..end]);
            begin = end;
        }
        self
    }

    fn padded(&mut self, padding: u8) -> &mut Self {
        if let Some(frame) = self.frames.last_mut() {
            frame.pad(padding);
        }
        self
    }

    /// Declares another length in the last frame's header.
    fn declared(&mut self, length: u32) -> &mut Self {
        if let Some(frame) = self.frames.last_mut() {
            frame.declared = Some(length);
        }
        self
    }
}

/// Function that adds a seed's frames after the preface.
type SeedScript = fn(&mut ConnectionBuilder) -> &mut ConnectionBuilder;

/// Returns the name and the bytes of each seed.
#[must_use]
pub fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let seed = |&(name, script): &(&'static str, SeedScript)| {
        let mut builder = ConnectionBuilder { encoder: HeaderEncoder::default(), frames: Vec::new() };
        script(&mut builder);
        (name, Connection { preface: true, frames: builder.frames, rest: &[] }.serialise())
    };
    SCRIPTS.iter().map(seed).collect()
}

const SCRIPTS: &[(&str, SeedScript)] = &[
    ("continuation-empty", |c| c.settings(&[]).get(1).in_pieces(&[0, 0, 9])),
    ("continuation-many", |c| c.settings(&[]).get(1).in_pieces(&[1, 2, 3, 5, 8])),
    ("continuation-interrupted", |c| {
        c.settings(&[]).headers(flag::END_STREAM, 1, &[GET]).frame(kind::PING, 0, 0, [0; 8])
    }),
    ("continuation-missing", |c| c.settings(&[]).headers(flag::END_STREAM, 1, &[GET])),
    ("data-after-end", |c| c.settings(&[]).get(1).data(flag::END_STREAM, 1, "late")),
    ("data-length-differs", |c| {
        let headers = &[POST, &[("content-length", "9")]];
        c.settings(&[]).headers(flag::END_HEADERS, 1, headers).data(flag::END_STREAM, 1, "a=1&b=2")
    }),
    ("data-on-idle-stream", |c| c.settings(&[]).data(flag::END_STREAM, 5, "nobody asked")),
    ("data-pieces", |c| {
        c.settings(&[]).post(1).data(flag::END_STREAM, 1, "a=1&b=2&c=3").in_pieces(&[0, 1, 7])
    }),
    ("frame-length-long", |c| c.settings(&[]).get(1).data(0, 1, "short").declared(0x00ff_ffff)),
    ("frame-length-of-ping", |c| c.settings(&[]).frame(kind::PING, 0, 0, [0; 7]).get(1)),
    ("frame-type-unknown", |c| c.settings(&[]).frame(0xbe, 0xff, 1, "extension").get(1)),
    ("get-big", |c| {
        let headers: &[_] =
            &[(":method", "GET"), (":scheme", "http"), (":path", "/big.txt"), (":authority", "localhost")];
        c.settings(&[]).headers(END, 1, &[headers]).number(kind::WINDOW_UPDATE, 1, 0x0001_0000)
    }),
    ("get-simple", |c| c.settings(&[]).get(1).frame(kind::SETTINGS, flag::ACK, 0, [])),
    ("get-three-streams", |c| c.settings(&[]).get(1).get(3).get(5)),
    ("goaway", |c| c.settings(&[]).get(1).frame(kind::GOAWAY, 0, 0, *b"\0\0\0\0\0\0\0\0bye").get(3)),
    ("head-range", |c| {
        let headers: &[_] = &[
            (":method", "HEAD"),
            (":scheme", "http"),
            (":path", "/static/notes.txt"),
            (":authority", "localhost"),
        ];
        c.settings(&[]).headers(END, 1, &[headers, &[("range", "bytes=0-3")]])
    }),
    ("headers-conditions", |c| {
        let more = [("accept-encoding", "gzip"), ("if-modified-since", "Wed, 01 Jan 2020 00:00:00 GMT")];
        c.settings(&[]).headers(END, 1, &[GET, &more]).headers(END, 3, &[GET, &[("range", "bytes=-5,0-1")]])
    }),
    ("headers-connect", |c| {
        c.settings(&[])
            .headers(flag::END_HEADERS, 1, &[&[(":method", "CONNECT"), (":authority", "localhost:80")]])
            .data(0, 1, "tunnel")
    }),
    ("headers-cookies-split", |c| {
        c.settings(&[]).headers(END, 1, &[GET, &[("cookie", "a=1"), ("cookie", "b=2")]])
    }),
    ("headers-of-connection", |c| {
        c.settings(&[]).headers(END, 1, &[GET, &[("connection", "close"), ("transfer-encoding", "chunked")]])
    }),
    ("headers-pseudo-late", |c| {
        c.settings(&[]).headers(END, 1, &[&GET[1..], &[("te", "trailers")], &GET[..1]])
    }),
    ("headers-upper-case", |c| c.settings(&[]).headers(END, 1, &[GET, &[("X-Upper", "1")]])),
    ("hpack-dynamic-table", |c| {
        let more: &[&[_]] = &[GET, &[("user-agent", "seed"), ("x-long", "0123456789abcdef0123456789abcdef")]];
        c.settings(&[]).headers(END, 1, more).headers(END, 3, more).headers(END, 5, more)
    }),
    ("hpack-index-beyond", |c| {
        c.settings(&[]).block(END, 1, &Block { fields: vec![Field::Indexed(2), Field::Indexed(70)] })
    }),
    ("hpack-never-indexed", |c| {
        let mut block = c.encoder.block(GET, false);
        block.fields.push(Field::literal(Indexing::Never, b"authorization", b"Basic ZnV6ejpmdXp6", true));
        c.settings(&[]).block(END, 1, &block)
    }),
    ("hpack-resize", |c| {
        let mut block = c.encoder.block(GET, true);
        block.fields.splice(0..0, [Field::Resize(0), Field::Resize(4096)]);
        c.settings(&[(setting::HEADER_TABLE_SIZE, 0)]).block(END, 1, &block)
    }),
    ("hpack-without-huffman", |c| {
        let block = c.encoder.block(GET, false);
        c.settings(&[]).block(END, 1, &block)
    }),
    ("hpack-wrong-padding", |c| {
        let mut block = c.encoder.block(&GET[..3], true);
        let value = StringLiteral { huffman: true, raw: b"\xa0\xe4\x1d\x00"[..].into() };
        block.fields.push(Field::Literal { indexing: Indexing::Without, name: Name::Index(1), value });
        c.settings(&[]).block(END, 1, &block)
    }),
    ("padding", |c| {
        c.settings(&[]).post(1).padded(7).data(0, 1, "a=1").padded(0).data(flag::END_STREAM, 1, "").padded(3)
    }),
    ("padding-too-long", |c| {
        c.settings(&[]).post(1).frame(kind::DATA, flag::PADDED | flag::END_STREAM, 1, *b"\x20abc")
    }),
    ("ping", |c| {
        c.settings(&[])
            .frame(kind::PING, 0, 0, *b"are you?")
            .frame(kind::PING, flag::ACK, 0, *b"i am    ")
            .get(1)
    }),
    ("post-form", |c| {
        let more = [("content-type", "application/x-www-form-urlencoded"), ("content-length", "7")];
        c.settings(&[]).headers(flag::END_HEADERS, 1, &[POST, &more]).data(flag::END_STREAM, 1, "a=1&b=2")
    }),
    ("post-interleaved", |c| {
        c.settings(&[])
            .post(1)
            .post(3)
            .data(0, 1, "a=1")
            .data(0, 3, "b=2")
            .data(flag::END_STREAM, 1, "&c=3")
            .data(flag::END_STREAM, 3, "")
    }),
    ("post-trailers", |c| {
        c.settings(&[]).post(1).data(0, 1, "a=1").headers(END, 1, &[&[("x-checksum", "0")]])
    }),
    ("preface-alone", |c| c),
    ("preface-then-headers", |c| c.get(1)),
    ("priority-headers", |c| {
        let payload = [b"\x80\0\0\0\xff".to_vec(), c.encoder.block(GET, true).serialise()].concat();
        c.settings(&[]).frame(kind::HEADERS, END | flag::PRIORITY, 1, payload)
    }),
    ("priority-on-itself", |c| c.settings(&[]).frame(kind::PRIORITY, 0, 3, *b"\0\0\0\x03\x10").get(3)),
    ("priority-tree", |c| {
        c.settings(&[])
            .frame(kind::PRIORITY, 0, 3, *b"\0\0\0\0\xc8")
            .frame(kind::PRIORITY, 0, 5, *b"\0\0\0\x03\x00")
            .get(7)
            .frame(kind::PRIORITY, 0, 7, *b"\x80\0\0\x05\x0f")
    }),
    ("push-promise", |c| {
        let payload = [b"\0\0\0\x02".to_vec(), c.encoder.block(GET, true).serialise()].concat();
        c.settings(&[]).get(1).frame(kind::PUSH_PROMISE, flag::END_HEADERS, 1, payload)
    }),
    ("reset-in-body", |c| c.settings(&[]).post(1).data(0, 1, "a=1").number(kind::RST_STREAM, 1, 8).get(3)),
    ("reset-rapid", |c| {
        c.settings(&[])
            .get(1)
            .number(kind::RST_STREAM, 1, 8)
            .get(3)
            .number(kind::RST_STREAM, 3, 8)
            .get(5)
            .number(kind::RST_STREAM, 5, 8)
            .get(7)
    }),
    ("settings-ack-with-payload", |c| c.settings(&[]).frame(kind::SETTINGS, flag::ACK, 0, [0; 6]).get(1)),
    ("settings-all", |c| {
        c.settings(&[
            (setting::HEADER_TABLE_SIZE, 65536),
            (setting::ENABLE_PUSH, 0),
            (setting::MAX_CONCURRENT_STREAMS, 100),
            (setting::INITIAL_WINDOW_SIZE, 0x7fff_ffff),
            (setting::MAX_FRAME_SIZE, 0x00ff_ffff),
            (setting::MAX_HEADER_LIST_SIZE, 8192),
        ])
        .get(1)
    }),
    ("settings-window-grows", |c| {
        c.settings(&[(setting::INITIAL_WINDOW_SIZE, 4)])
            .get(1)
            .settings(&[(setting::INITIAL_WINDOW_SIZE, 64)])
    }),
    ("stream-even", |c| c.settings(&[]).get(2)),
    ("stream-lower", |c| c.settings(&[]).get(5).get(3)),
    ("stream-zero", |c| c.settings(&[]).get(0)),
    ("window-overflow", |c| {
        c.settings(&[]).number(kind::WINDOW_UPDATE, 0, 0x7fff_ffff).get(1).number(
            kind::WINDOW_UPDATE,
            1,
            0x7fff_ffff,
        )
    }),
    ("window-small", |c| {
        c.settings(&[(setting::INITIAL_WINDOW_SIZE, 3)]).get(1).number(kind::WINDOW_UPDATE, 1, 5).number(
            kind::WINDOW_UPDATE,
            1,
            500,
        )
    }),
    ("window-zero", |c| c.settings(&[]).get(1).number(kind::WINDOW_UPDATE, 1, 0)),
];
