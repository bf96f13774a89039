// The target programs that repeat the first line of each request: what both the single run and the
// loop try. One that does something else stands in the test file that looks at it.

macro_rules! for_each_target {
    ($declare:ident) => {
        $declare! {
            accept4_flags,
            accept_blocking,
            accept_until_eagain,
            closes_descriptors,
            duplicated_connection,
            epoll_nested,
            epoll_oneshot,
            epoll_pwait,
            epoll_pwait2,
            epoll_timeout,
            epoll_wait,
            event_descriptors,
            fork_per_connection,
            listener_ipv6,
            poll,
            pool_condition_variable,
            ppoll,
            pselect,
            raw_calls_and_signals,
            raw_calls_in_children,
            raw_system_calls,
            replaces_stdio,
            select,
            sets_options,
            syscall_function,
            thread_per_connection,
            wipes_environment,
        }
    };
}
