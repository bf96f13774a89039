//! Packet captures of traffic that had no packets: Ethernet, IPv4 and TCP are made around what a client and a server said, so that
//! tcpdump and Wireshark show it. The addresses are those of documentation (RFC 5737), so that nobody takes them for real ones.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use etherparse::{PacketBuilder, PacketBuilderStep, TcpHeader};
use pcap_file::pcap::{PcapPacket, PcapWriter};

/// Addresses of the client and the server.
const ADDRESSES: [[u8; 4]; 2] = [[192, 0, 2, 1], [192, 0, 2, 2]];
/// Locally administered Ethernet addresses of the client and the server.
const ETHERNET_ADDRESSES: [[u8; 6]; 2] = [[2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]];
/// Port of the first connection's client.
const FIRST_CLIENT_PORT: u16 = 49152;
/// Port of the server, unless another one is set.
const DEFAULT_SERVER_PORT: u16 = 80;
/// Maximum number of bytes of one segment, as on Ethernet.
const MAX_SEGMENT_BYTES: usize = 1460;
/// Hops that a packet may take.
const TIME_TO_LIVE: u8 = 64;
/// Time between two packets of which nothing else is known, and smallest time that the format can tell.
const TICK: Duration = Duration::from_micros(1);

/// Side that acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The client.
    Client,
    /// The server.
    Server,
}

/// What a side does on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Traffic<'a> {
    /// It opens the connection.
    Open,
    /// It sends these bytes, and opens the connection before if it is not open.
    Bytes(&'a [u8]),
    /// It sends no more.
    End,
    /// It resets the connection.
    Reset,
}

/// Event on one of many connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrafficEvent<'a> {
    /// Number of the connection. A connection that is opened again after its end has another one.
    pub connection: usize,
    /// Time since the Unix epoch. A time before that of the event before counts as just after it.
    pub time: Duration,
    /// Who acts.
    pub side: Side,
    /// What happens.
    pub traffic: Traffic<'a>,
}

/// Writer of a capture in the classic format (pcap), with microseconds.
#[derive(Debug)]
pub struct CaptureWriter<W: Write> {
    pcap: PcapWriter<W>,
    server_port: u16,
    /// Next sequence numbers of both sides, by the number of the connection.
    sequences: BTreeMap<usize, [u32; 2]>,
    /// Time of the last packet.
    last: Duration,
}

/// Function that sets the flags of a segment, given the number that it acknowledges.
type SegmentFlags = fn(PacketBuilderStep<TcpHeader>, u32) -> PacketBuilderStep<TcpHeader>;

impl<W: Write> CaptureWriter<W> {
    /// Begins a capture.
    ///
    /// # Errors
    /// Those of the output.
    pub fn new(output: W) -> io::Result<Self> {
        let pcap = PcapWriter::new(output).map_err(io::Error::other)?;
        let server_port = DEFAULT_SERVER_PORT;
        Ok(Self { pcap, server_port, sequences: BTreeMap::new(), last: Duration::ZERO })
    }

    /// Sets the port of the server, for the connections that are opened from now on.
    pub fn set_server_port(&mut self, port: u16) {
        self.server_port = port;
    }

    /// Adds an event.
    ///
    /// # Errors
    /// Those of the output.
    pub fn add(&mut self, event: TrafficEvent<'_>) -> io::Result<()> {
        if !self.sequences.contains_key(&event.connection) {
            self.open(event)?;
        }
        match event.traffic {
            Traffic::Open => Ok(()),
            Traffic::Bytes(bytes) => {
                let mut segments = bytes.chunks(MAX_SEGMENT_BYTES).peekable();
                while let Some(segment) = segments.next() {
                    // The last segment of what was sent at once is the one to be pushed.
                    let flags: SegmentFlags = match segments.peek() {
                        Some(_) => |tcp, ack| tcp.ack(ack),
                        None => |tcp, ack| tcp.ack(ack).psh(),
                    };
                    self.packet(event, segment, flags, segment.len() as u32)?;
                }
                Ok(())
            }
            Traffic::End => {
                self.packet(event, b"", |tcp, ack| tcp.ack(ack).fin(), 1)?;
                let answer = TrafficEvent { side: event.side.other(), ..event };
                self.packet(answer, b"", |tcp, ack| tcp.ack(ack), 0)
            }
            Traffic::Reset => self.packet(event, b"", |tcp, ack| tcp.ack(ack).rst(), 0),
        }
    }

    /// Writes the packets that open a connection.
    fn open(&mut self, event: TrafficEvent<'_>) -> io::Result<()> {
        self.sequences.insert(event.connection, [0, 0]);
        let [client, server] = [Side::Client, Side::Server].map(|side| TrafficEvent { side, ..event });
        self.packet(client, b"", |tcp, _| tcp.syn(), 1)?;
        self.packet(server, b"", |tcp, ack| tcp.ack(ack).syn(), 1)?;
        self.packet(client, b"", |tcp, ack| tcp.ack(ack), 0)
    }

    /// Writes a packet of the side that acts. `advance` is how much it moves that side's sequence number.
    fn packet(
        &mut self,
        event: TrafficEvent<'_>,
        payload: &[u8],
        flags: SegmentFlags,
        advance: u32,
    ) -> io::Result<()> {
        let (from, to) = (event.side as usize, event.side.other() as usize);
        let client_port =
            FIRST_CLIENT_PORT + (event.connection % usize::from(u16::MAX - FIRST_CLIENT_PORT)) as u16;
        let ports = [client_port, self.server_port];
        let sequences = self.sequences.entry(event.connection).or_default();
        let tcp = PacketBuilder::ethernet2(ETHERNET_ADDRESSES[from], ETHERNET_ADDRESSES[to])
            .ipv4(ADDRESSES[from], ADDRESSES[to], TIME_TO_LIVE)
            .tcp(ports[from], ports[to], sequences[from], u16::MAX);
        let packet = flags(tcp, sequences[to]);
        sequences[from] = sequences[from].wrapping_add(advance);
        let mut bytes = Vec::with_capacity(packet.size(payload.len()));
        packet.write(&mut bytes, payload).map_err(io::Error::other)?;
        self.last = event.time.max(self.last + TICK);
        let packet = PcapPacket::new(self.last, bytes.len() as u32, &bytes);
        self.pcap.write_packet(&packet).map(drop).map_err(io::Error::other)
    }

    /// Ends the capture, and returns the output.
    pub fn into_output(self) -> W {
        self.pcap.into_writer()
    }
}

impl Side {
    /// Returns the other side.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

#[cfg(test)]
mod tests;
