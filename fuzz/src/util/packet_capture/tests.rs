//! Tests that read captures back.

use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use pcap_file::pcap::PcapReader;

use super::*;

/// Packet as read back: source port, flags, sequence number, acknowledged number, payload.
type Packet = (u16, String, u32, u32, Vec<u8>);

fn written(port: u16, events: &[TrafficEvent<'_>]) -> Vec<u8> {
    let mut writer = CaptureWriter::new(Vec::new()).expect("memory is writable");
    writer.set_server_port(port);
    events.iter().for_each(|event| writer.add(*event).expect("memory is writable"));
    writer.into_output()
}

/// Reads the packets, and asserts that their checksums are right and their times increase.
fn read(capture: &[u8]) -> Vec<Packet> {
    let mut reader = PcapReader::new(capture).expect("a capture");
    let (mut packets, mut last) = (Vec::new(), Duration::ZERO);
    while let Some(packet) = reader.next_packet() {
        let packet = packet.expect("a packet");
        assert!(packet.timestamp > last);
        last = packet.timestamp;
        let sliced = SlicedPacket::from_ethernet(&packet.data).expect("Ethernet");
        let (Some(NetSlice::Ipv4(ip)), Some(TransportSlice::Tcp(tcp))) = (sliced.net, sliced.transport)
        else {
            panic!("TCP over IPv4");
        };
        assert_eq!(ip.header().to_header().calc_header_checksum(), ip.header().header_checksum());
        let checksum = tcp.calc_checksum_ipv4(ip.header().source(), ip.header().destination());
        assert_eq!(checksum.expect("short enough"), tcp.checksum());
        let flags =
            [(tcp.syn(), 'S'), (tcp.fin(), 'F'), (tcp.rst(), 'R'), (tcp.psh(), 'P'), (tcp.ack(), 'A')];
        let flags = flags.into_iter().filter(|(is_set, _)| *is_set).map(|(_, letter)| letter).collect();
        let acknowledged = tcp.acknowledgment_number();
        packets.push((tcp.source_port(), flags, tcp.sequence_number(), acknowledged, tcp.payload().to_vec()));
    }
    packets
}

fn event(connection: usize, side: Side, traffic: Traffic<'_>) -> TrafficEvent<'_> {
    TrafficEvent { connection, time: Duration::from_secs(1), side, traffic }
}

#[test]
fn a_connection_has_handshake_data_and_end() {
    let events = [
        event(0, Side::Client, Traffic::Bytes(b"GET")),
        event(0, Side::Server, Traffic::Bytes(b"200 OK")),
        event(0, Side::Client, Traffic::End),
        event(0, Side::Server, Traffic::End),
    ];
    let (client, server) = (FIRST_CLIENT_PORT, 8080);
    let packet = |from, flags: &str, sequence, acknowledged, payload: &[u8]| {
        (from, flags.to_owned(), sequence, acknowledged, payload.to_vec())
    };
    let expected = [
        packet(client, "S", 0, 0, b""),
        packet(server, "SA", 0, 1, b""),
        packet(client, "A", 1, 1, b""),
        packet(client, "PA", 1, 1, b"GET"),
        packet(server, "PA", 1, 4, b"200 OK"),
        packet(client, "FA", 4, 7, b""),
        packet(server, "A", 7, 5, b""),
        packet(server, "FA", 7, 5, b""),
        packet(client, "A", 5, 8, b""),
    ];
    assert_eq!(read(&written(8080, &events)), expected);
}

#[test]
fn long_data_is_divided_and_connections_have_ports_of_their_own() {
    let data: Vec<u8> = (0..4000_u32).map(|number| number as u8).collect();
    let events = [
        event(3, Side::Client, Traffic::Open),
        event(4, Side::Server, Traffic::Bytes(&data)),
        event(3, Side::Client, Traffic::Reset),
    ];
    let packets = read(&written(443, &events));
    let sent: Vec<u8> = packets.iter().flat_map(|packet| packet.4.clone()).collect();
    assert_eq!(sent, data);
    let flags: Vec<_> = packets.iter().map(|packet| &*packet.1).collect();
    assert_eq!(flags, ["S", "SA", "A", "S", "SA", "A", "A", "A", "PA", "RA"]);
    let ports = [packets[0].0, packets[1].0, packets[3].0];
    assert_eq!(ports, [FIRST_CLIENT_PORT + 3, 443, FIRST_CLIENT_PORT + 4]);
}
