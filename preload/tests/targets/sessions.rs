// Sessions, and what a server sees of them. Tests of single runs and of the loop include this file.

/// Waiting method of a target, which determines what it can see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// Sees the results of read(2).
    Plain,
    /// Sees the events of poll(2), too.
    Poll,
    /// Sees the events of epoll(7), too.
    Epoll,
}

/// Declares a test for each target that plays all sessions. `$play` takes the name of the target and its [`Style`].
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

/// Session, expected log, and expected answer if it is the same over every transport.
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
        // A split packet.
        case("send 0 \"GE\"\nsend 0 \"T\"", &["0 GE", "0 T", end_0], Some("0:GE;0:T;0:end;")),
        // A reset in the middle of a request, and a new connection after it.
        case(
            "send 0 \"half\"\nreset 0\nsend 0 \"again\"",
            &["0 half", &reset_0, "0 again", end_0],
            Some("0:half;0:again;0:end;"),
        ),
        // One connection is reset while another one, which has sent nothing yet, goes on.
        case(
            "send 0 \"a\"\nopen 1\nsend 0 \"b\"\nreset 0\nsend 1 \"c\"",
            &["0 a", "0 b", &reset_0, "1 c", end_1],
            Some("0:a;0:b;1:c;1:end;"),
        ),
        case("open 0\nreset 0", &[&reset_0], Some("")),
        // The client closes, so nobody reads the server's answer.
        case("send 0 \"a\"\nclose 0\nsend 0 \"b\"", &["0 a", &gone_0, "0 b", end_0], None),
        // The client half-closes; the answer still arrives, and other connections go on.
        case(
            "send 0 \"a\"\nopen 1\nhalf-close 0\nsend 1 \"b\"",
            &["0 a", end_0, "1 b", end_1],
            Some("0:a;0:end;1:b;1:end;"),
        ),
        // An empty session makes one connection.
        case("", &[end_0], Some("0:end;")),
    ]
}
