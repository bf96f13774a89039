//! Options of connections that are encrypted.

use super::OptionSpec;

/// TLS between the client and the server.
pub const TLS: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_TLS",
    flag: "tls",
    value: "auto|on|off|raw",
    default: "auto",
    meaning: "on: the client speaks TLS, and inputs and answers stay plaintext; off: it does not; auto: on if the server answers \
              a ClientHello as a TLS server does, before the first input (a server that contains no TLS library is not asked); \
              raw: inputs are sent below TLS, so that they reach the server's own TLS code",
    former: None,
};

/// Name of the server that a client of TLS asks for.
pub const SNI: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_SNI",
    flag: "sni",
    value: "NAME",
    default: "localhost",
    meaning: "name of the server that the client asks for in TLS (RFC 6066); its certificate is not verified",
    former: None,
};

/// Certificate of the client.
pub const CLIENT_CERTIFICATE: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_CLIENT_CERTIFICATE",
    flag: "client-certificate",
    value: "FILE",
    default: "",
    meaning: "PEM file with a certificate and its private key, for a server that asks its clients for one in TLS",
    former: None,
};

/// Packets of the records that the client sends in TLS.
pub const SPLIT_RECORDS: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_SPLIT_RECORDS",
    flag: "split-records",
    value: "on|off",
    default: "off",
    meaning: "on: in TLS, what a step of an input sends comes in two packets: the first ends in the middle of a record, and the \
              second follows when the server is idle",
    former: None,
};

/// File of the secrets of TLS.
pub const KEY_LOG: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_KEY_LOG",
    flag: "key-log",
    value: "FILE",
    default: "",
    meaning: "in a single run, file to which the client appends the secrets of its TLS connections, in the form that Wireshark \
              reads (sockfuzz sets it to SSLKEYLOGFILE)",
    former: None,
};
