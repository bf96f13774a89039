//! Conversion of captured connections to inputs: one input each, or one session for overlapping connections.

use sockfuzz_protocol::session::{Action, Connection, MAX_STEPS, Session, Step};

use super::capture::CapturedPackets;
use super::connections::{CapturedConnection, ClientAction};
use super::imported::{ImportOptions, ImportResult, ImportedInput};
use super::name;
use crate::util::printable::counted;

/// Converts the connections of a capture to inputs.
pub(super) fn from_packets(packets: &CapturedPackets, options: ImportOptions) -> ImportResult {
    let mut result = ImportResult::default();
    if packets.cut_off {
        result.skipped.push("its last packet is cut off".to_owned());
    }
    if packets.others > 0 {
        result.skipped.push(format!("{} without TCP", counted(packets.others as u64, "packet", "packets")));
    }
    let mut groups: Vec<ConnectionGroup> = Vec::new();
    for connection in CapturedConnection::of(&packets.segments) {
        let CapturedConnection { client, server, .. } = connection;
        let other_port = options.port.is_some_and(|port| port != server.port());
        let reason = if other_port {
            Some("another port".to_owned())
        } else {
            connection.unusable_reason(options.port.is_some())
        };
        if let Some(reason) = reason {
            result.skipped.push(format!("{client} to {server}: {reason}"));
            continue;
        }
        let taken = groups
            .iter_mut()
            .rev()
            .find_map(|group| group.free_number(&connection).map(|number| (group, number)));
        match taken {
            Some((group, number)) => group.members.push((number, connection)),
            None => groups.push(ConnectionGroup { members: vec![(0, connection)] }),
        }
    }
    result.inputs = groups.iter().map(ConnectionGroup::to_input).collect();
    result
}

/// Overlapping connections to one server, each with its number in the session.
struct ConnectionGroup {
    members: Vec<(usize, CapturedConnection)>,
}

impl ConnectionGroup {
    /// Returns a free number for the connection in this session; `None` if it does not belong to the session
    /// or the session is full.
    fn free_number(&self, connection: &CapturedConnection) -> Option<usize> {
        let begin = connection.events.first()?.at;
        let same_server = self.members.iter().all(|(_, member)| member.server == connection.server);
        let overlaps = self.members.iter().any(|(_, member)| member.last() > begin);
        let steps: usize = self.members.iter().map(|(_, member)| member.events.len()).sum();
        if !same_server || !overlaps || steps + connection.events.len() > MAX_STEPS {
            return None;
        }
        let taken = |number: &usize| {
            self.members.iter().any(|(other, member)| other == number && !is_closed_before(member, begin))
        };
        (0..Connection::COUNT).find(|number| !taken(number))
    }

    fn to_input(&self) -> ImportedInput {
        let mut events: Vec<_> = self
            .members
            .iter()
            .flat_map(|(number, member)| {
                member.events.iter().map(move |event| (event.at, *number, &event.action))
            })
            .collect();
        events.sort_by_key(|(at, ..)| *at);
        let several = self.members.len() > 1;
        let bytes = encode(events.into_iter().map(|(_, number, action)| (number, action)).collect(), several);
        let first = &self.members[0].1;
        let mut name = name::of_bytes(&first.sent());
        let mut made_from = format!("{} to {}", first.client, first.server);
        if several {
            name.push_str(&format!("-connections-{}", self.members.len()));
            made_from
                .push_str(&format!(" and {}", counted(self.members.len() as u64 - 1, "other", "others")));
        }
        ImportedInput { name, bytes, made_from }
    }
}

/// Returns the input for actions on numbered connections, in their order.
pub(super) fn encode(mut actions: Vec<(usize, &ClientAction)>, several: bool) -> Vec<u8> {
    // The end of a session half-closes and closes open connections anyway.
    while actions
        .last()
        .is_some_and(|(_, action)| matches!(action, ClientAction::HalfClose | ClientAction::Close))
    {
        actions.pop();
    }
    let mut steps: Vec<Step> = actions
        .iter()
        .filter(|(_, action)| several || **action != ClientAction::Open)
        .filter_map(|(number, action)| step(*number, action))
        .collect();
    // A send step opens its connection, so an open step right before it is redundant.
    let opens_and_sends =
        |pair: &[Step]| pair[0].connection == pair[1].connection && matches!(pair[0].action, Action::Open);
    while let Some(at) = steps.windows(2).position(opens_and_sends) {
        steps.remove(at);
    }
    if steps.len() > MAX_STEPS {
        let connection = steps[0].connection;
        let sent = actions.iter().filter(|(number, _)| *number == connection.index());
        let all = sent.filter_map(|(_, action)| action.sent()).collect::<Vec<_>>().concat();
        steps = vec![Step { connection, action: Action::Send(all) }];
    }
    steps.into_iter().collect::<Session>().encode()
}

/// Whether the client had closed the connection before the packet at index `at`.
fn is_closed_before(connection: &CapturedConnection, at: usize) -> bool {
    let ends = |action: &ClientAction| matches!(action, ClientAction::Close | ClientAction::Reset);
    connection.events.last().is_some_and(|event| event.at < at && ends(&event.action))
}

fn step(number: usize, action: &ClientAction) -> Option<Step> {
    let action = match action {
        ClientAction::Open => Action::Open,
        ClientAction::Send(bytes) => Action::Send(bytes.clone()),
        ClientAction::HalfClose => Action::HalfClose,
        ClientAction::Close => Action::Close,
        ClientAction::Reset => Action::Reset,
    };
    Connection::new(number).map(|connection| Step { connection, action })
}
