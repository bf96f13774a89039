//! TCP segments in packet captures (pcap and pcapng).

use std::net::{IpAddr, SocketAddr};

use anyhow::Result;
use etherparse::{LaxNetSlice, LaxSlicedPacket, TransportSlice};
use pcap_parser::traits::PcapNGPacketBlock;
use pcap_parser::{Block, Linktype, PcapBlockOwned, PcapError, create_reader};

use crate::input::corpus::Seed;
use crate::util::problem::Problem;

/// First bytes of captures: pcap with microseconds or nanoseconds, each in both byte orders, and pcapng.
const MAGIC_NUMBERS: [[u8; 4]; 5] = [
    [0xa1, 0xb2, 0xc3, 0xd4],
    [0xd4, 0xc3, 0xb2, 0xa1],
    [0xa1, 0xb2, 0x3c, 0x4d],
    [0x4d, 0x3c, 0xb2, 0xa1],
    [0x0a, 0x0d, 0x0d, 0x0a],
];

/// Whether the bytes begin like a packet capture.
pub(super) fn is_capture(bytes: &[u8]) -> bool {
    MAGIC_NUMBERS.iter().any(|magic| bytes.starts_with(magic))
}

/// TCP segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TcpSegment {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) sequence: u32,
    pub(super) syn: bool,
    pub(super) ack: bool,
    pub(super) fin: bool,
    pub(super) rst: bool,
    pub(super) payload: Vec<u8>,
}

/// Packets of a capture.
#[derive(Debug, Default)]
pub(super) struct CapturedPackets {
    pub(super) segments: Vec<TcpSegment>,
    /// Number of packets from which no TCP segment could be read.
    pub(super) others: usize,
    /// Whether the file ends within a packet.
    pub(super) cut_off: bool,
}

impl CapturedPackets {
    /// Reads a capture.
    pub(super) fn read(file: &Seed) -> Result<Self> {
        // The buffer holds the whole file, so that no block is too large for it.
        let mut reader =
            create_reader(file.bytes.len() + 64, &*file.bytes).map_err(|error| damaged(file, &error))?;
        let mut packets = Self::default();
        let mut links = Vec::new();
        loop {
            let used = match reader.next() {
                Ok((used, block)) => {
                    packets.add(&block, &mut links);
                    Some(used)
                }
                Err(PcapError::Eof) => return Ok(packets),
                Err(PcapError::Incomplete(_) | PcapError::UnexpectedEof) => None,
                Err(error) => return Err(damaged(file, &error).into()),
            };
            match used {
                Some(used) => reader.consume(used),
                None if reader.reader_exhausted() => {
                    packets.cut_off = true;
                    return Ok(packets);
                }
                // The reader detects the end of the file only in `refill`.
                None => reader.refill().map_err(|error| damaged(file, &error))?,
            }
        }
    }

    /// Adds the packet of a block; `links` holds the link types of the section's interfaces.
    fn add(&mut self, block: &PcapBlockOwned<'_>, links: &mut Vec<Linktype>) {
        let (link, data) = match block {
            PcapBlockOwned::LegacyHeader(header) => return *links = vec![header.network],
            PcapBlockOwned::Legacy(packet) => (links.first(), packet.data),
            PcapBlockOwned::NG(Block::SectionHeader(_)) => return links.clear(),
            PcapBlockOwned::NG(Block::InterfaceDescription(interface)) => {
                return links.push(interface.linktype);
            }
            PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
                (links.get(packet.if_id as usize), packet.packet_data())
            }
            PcapBlockOwned::NG(Block::SimplePacket(packet)) => (links.first(), packet.packet_data()),
            PcapBlockOwned::NG(_) => return,
        };
        match link.and_then(|link| segment(*link, data)) {
            Some(segment) => self.segments.push(segment),
            None => self.others += 1,
        }
    }
}

/// Returns the TCP segment of a packet; `None` for other packets.
fn segment(link: Linktype, data: &[u8]) -> Option<TcpSegment> {
    let packet = match link {
        Linktype::ETHERNET => LaxSlicedPacket::from_ethernet(data).ok()?,
        _ => LaxSlicedPacket::from_ip(data.get(header_len(link)?..)?).ok()?,
    };
    let (source, destination): (IpAddr, IpAddr) = match &packet.net {
        Some(LaxNetSlice::Ipv4(ip)) => {
            (ip.header().source_addr().into(), ip.header().destination_addr().into())
        }
        Some(LaxNetSlice::Ipv6(ip)) => {
            (ip.header().source_addr().into(), ip.header().destination_addr().into())
        }
        _ => return None,
    };
    let Some(TransportSlice::Tcp(tcp)) = packet.transport else {
        return None;
    };
    Some(TcpSegment {
        from: (source, tcp.source_port()).into(),
        to: (destination, tcp.destination_port()).into(),
        sequence: tcp.sequence_number(),
        syn: tcp.syn(),
        ack: tcp.ack(),
        fin: tcp.fin(),
        rst: tcp.rst(),
        payload: tcp.payload().to_vec(),
    })
}

/// Returns the number of bytes before the IP header, for link types other than Ethernet; `None` if unsupported.
fn header_len(link: Linktype) -> Option<usize> {
    Some(match link {
        Linktype::RAW | Linktype::IPV4 | Linktype::IPV6 | Linktype(12 | 14) => 0,
        Linktype::NULL | Linktype::LOOP => 4,
        Linktype::LINUX_SLL => 16,
        Linktype::LINUX_SLL2 => 20,
        _ => return None,
    })
}

fn damaged<I: std::fmt::Debug>(file: &Seed, error: &PcapError<I>) -> Problem {
    Problem::failed(
        format!("{} begins like a packet capture, but cannot be read: {error:?}", file.path.display()),
        "capture again, or repair it: tcpdump -r BROKEN -w REPAIRED",
    )
}
