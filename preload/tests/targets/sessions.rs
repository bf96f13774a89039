// Sessions, and what a server sees of them: what both the single run and the loop try.

/// How a target waits, and so what it can see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// What read says.
    Plain,
    /// And the events of poll.
    Poll,
    /// And those of epoll.
    Epoll,
}

/// A test of each target that sees every session: `$play` gets its name, and how it waits.
macro_rules! test_session_targets {
    ($play:ident) => {
        test_session_targets! {
            $play,
            session_epoll: Epoll,
            session_epoll_edge_triggered: Epoll,
            session_forks: Plain,
            session_poll: Poll,
            session_select: Plain,
            session_threads: Plain,
            session_threads_leaving: Plain,
            session_threads_registering: Plain,
            session_threads_waiting: Plain,
        }
    };
    ($play:ident, $($name:ident: $style:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                $play(stringify!($name), Style::$style);
            }
        )*
    };
}

/// A session, what the server logs, and what it answers if that is the same over every transport.
type Case = (&'static str, String, Option<String>);

fn cases(style: Style, transport: &str) -> Vec<Case> {
    let (end, reset) = match style {
        Style::Plain => ("end", "ECONNRESET"),
        Style::Poll => ("end", "ECONNRESET ERR HUP"),
        Style::Epoll => ("end RDHUP", "ECONNRESET RDHUP ERR HUP"),
    };
    // Over TCP, a client that has closed looks like one that has half-closed.
    let gone = match style {
        _ if transport == "tcp" => end,
        Style::Plain => end,
        Style::Poll => "end HUP",
        Style::Epoll => "end RDHUP HUP",
    };
    let case = |session, log: &[&str], answer: Option<&str>| -> Case {
        (session, log.iter().map(|line| format!("{line}\n")).collect(), answer.map(str::to_owned))
    };
    let line = |number: u8, what: &str| format!("{number} {what}");
    let ends = [line(0, end), line(1, end)];
    let [end_0, end_1] = [ends[0].as_str(), ends[1].as_str()];
    let (reset_0, gone_0) = (line(0, reset), line(0, gone));
    vec![
        // Two connections open at once.
        case(
            "send 0 \"a\"\nsend 1 \"b\"\nsend 0 \"c\"\nsend 1 \"d\"",
            &["0 a", "1 b", "0 c", "1 d", end_0, end_1],
            Some("0:a;0:c;0:end;1:b;1:d;1:end;"),
        ),
        // A packet that is split.
        case("send 0 \"GE\"\nsend 0 \"T\"", &["0 GE", "0 T", end_0], Some("0:GE;0:T;0:end;")),
        // A reset in the middle, and a fresh connection after it.
        case(
            "send 0 \"half\"\nreset 0\nsend 0 \"again\"",
            &["0 half", &reset_0, "0 again", end_0],
            Some("0:half;0:again;0:end;"),
        ),
        // One connection is reset before it has sent anything, another one goes on.
        case(
            "send 0 \"a\"\nopen 1\nsend 0 \"b\"\nreset 0\nsend 1 \"c\"",
            &["0 a", "0 b", &reset_0, "1 c", end_1],
            Some("0:a;0:b;1:c;1:end;"),
        ),
        case("open 0\nreset 0", &[&reset_0], Some("")),
        // Closed, and whatever the server answers is for nobody.
        case("send 0 \"a\"\nclose 0\nsend 0 \"b\"", &["0 a", &gone_0, "0 b", end_0], None),
        // Half-closed; the answer comes all the same, and so do other connections.
        case(
            "send 0 \"a\"\nopen 1\nhalf-close 0\nsend 1 \"b\"",
            &["0 a", end_0, "1 b", end_1],
            Some("0:a;0:end;1:b;1:end;"),
        ),
        // Nothing at all is a connection, too.
        case("", &[end_0], Some("0:end;")),
    ]
}
