//! Connections become inputs: alone, or as one session where they overlap.

use sockfuzz_protocol::session::{self, Connection as Number, MAX_STEPS, Session, Step};

use super::capture::Packets;
use super::connections::{Action, Connection};
use super::{Found, Input, Wish, name};
use crate::printable::counted;

/// The inputs in a capture.
pub(super) fn from_packets(packets: &Packets, wish: Wish) -> Found {
    let mut found = Found::default();
    if packets.cut_off {
        found.skipped.push("its last packet is cut off".to_owned());
    }
    if packets.others > 0 {
        found.skipped.push(format!("{} without TCP", counted(packets.others as u64, "packet", "packets")));
    }
    let mut groups: Vec<Group> = Vec::new();
    for connection in Connection::of(&packets.segments) {
        let Connection { client, server, .. } = connection;
        let other_port = wish.port.is_some_and(|port| port != server.port());
        let reason = if other_port {
            Some("another port".to_owned())
        } else {
            connection.useless(wish.port.is_some())
        };
        if let Some(reason) = reason {
            found.skipped.push(format!("{client} to {server}: {reason}"));
            continue;
        }
        let taken =
            groups.iter_mut().rev().find_map(|group| group.place(&connection).map(|number| (group, number)));
        match taken {
            Some((group, number)) => group.members.push((number, connection)),
            None => groups.push(Group { members: vec![(0, connection)] }),
        }
    }
    found.inputs = groups.iter().map(Group::input).collect();
    found
}

/// Connections to one server that overlap, each with its number in the session.
struct Group {
    members: Vec<(usize, Connection)>,
}

impl Group {
    /// The number that a connection can have in this session; `None` if it does not belong to it, or
    /// there is no room.
    fn place(&self, connection: &Connection) -> Option<usize> {
        let begin = connection.events.first()?.at;
        let same_server = self.members.iter().all(|(_, member)| member.server == connection.server);
        let overlaps = self.members.iter().any(|(_, member)| member.last() > begin);
        let steps: usize = self.members.iter().map(|(_, member)| member.events.len()).sum();
        if !same_server || !overlaps || steps + connection.events.len() > MAX_STEPS {
            return None;
        }
        let taken = |number: &usize| {
            self.members.iter().any(|(other, member)| other == number && !gone_by(member, begin))
        };
        (0..Number::COUNT).find(|number| !taken(number))
    }

    fn input(&self) -> Input {
        let mut events: Vec<_> = self
            .members
            .iter()
            .flat_map(|(number, member)| {
                member.events.iter().map(move |event| (event.at, *number, &event.action))
            })
            .collect();
        events.sort_by_key(|(at, ..)| *at);
        // At the end, all that is open is half-closed and closed anyway.
        while events.last().is_some_and(|(.., action)| matches!(action, Action::HalfClose | Action::Close)) {
            events.pop();
        }
        let several = self.members.len() > 1;
        let mut steps: Vec<Step> = events
            .iter()
            .filter(|(.., action)| several || **action != Action::Open)
            .filter_map(|(_, number, action)| step(*number, action))
            .collect();
        // What is sent first opens the connection.
        let opens_and_sends = |pair: &[Step]| {
            pair[0].connection == pair[1].connection && matches!(pair[0].action, session::Action::Open)
        };
        while let Some(at) = steps.windows(2).position(opens_and_sends) {
            steps.remove(at);
        }
        if steps.len() > MAX_STEPS {
            let all = session::Action::Send(self.members[0].1.sent());
            steps = vec![Step { connection: steps[0].connection, action: all }];
        }
        let first = &self.members[0].1;
        let mut name = name::of_bytes(&first.sent());
        let mut made_from = format!("{} to {}", first.client, first.server);
        if several {
            name.push_str(&format!("-connections-{}", self.members.len()));
            made_from
                .push_str(&format!(" and {}", counted(self.members.len() as u64 - 1, "other", "others")));
        }
        Input { name, bytes: steps.into_iter().collect::<Session>().encode(), made_from }
    }
}

/// Whether the client had closed a connection before the packet with this number.
fn gone_by(connection: &Connection, at: usize) -> bool {
    let ends = |action: &Action| matches!(action, Action::Close | Action::Reset);
    connection.events.last().is_some_and(|event| event.at < at && ends(&event.action))
}

fn step(number: usize, action: &Action) -> Option<Step> {
    use session::Action as Taken;
    let action = match action {
        Action::Open => Taken::Open,
        Action::Send(bytes) => Taken::Send(bytes.clone()),
        Action::HalfClose => Taken::HalfClose,
        Action::Close => Taken::Close,
        Action::Reset => Taken::Reset,
    };
    Number::new(number).map(|connection| Step { connection, action })
}
