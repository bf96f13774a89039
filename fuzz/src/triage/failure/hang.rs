//! Report of a hang, from several stacks of the thread that spins or waits.

use libcasr::gdb::GdbStacktrace;

use super::FailureReport;
use super::frames::ParsedStack;
use crate::triage::finding::FailureKind;

impl FailureReport {
    /// Reads stacks of a server that hangs, as gdb writes them. The place is the innermost function that all of them
    /// are in; `None` without stacks.
    #[must_use]
    pub fn of_hang(stacks: &[String]) -> Option<Self> {
        let stacks: Vec<_> = stacks.iter().map(|stack| ParsedStack::parse::<GdbStacktrace>(stack)).collect();
        let common = ParsedStack::common(&stacks);
        let (place, function) = common.place()?;
        Some(Self {
            kind: FailureKind::Hang,
            class: "hang".to_owned(),
            severity: None,
            // A loop is at another line each time.
            place: function.clone().or(Some(place)),
            function,
            location: common.location(),
            stack: common.lines(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hang_is_in_the_innermost_function_of_all_stacks() {
        let stack = |inner: &str, line: u32| {
            format!(
                "#0  {inner} () at /srv/list.c:9\n#1  0x0000555555555189 in walk (list=0x0) at /srv/list.c:{line}\n#2  \
                     0x0000555555555200 in main () at /srv/main.c:3"
            )
        };
        let report = FailureReport::of_hang(&[stack("next", 12), stack("compare", 14)]).expect("stacks");
        assert_eq!(report.key().as_deref(), Some("walk (Hang)"));
        assert_eq!(report.title(), "hang in walk (list.c:12)");
        assert_eq!(FailureReport::of_hang(&[]), None);
    }
}
