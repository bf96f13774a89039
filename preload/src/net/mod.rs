//! Fuzzed listener: its address, its socket, and the transports by which connections reach it.

pub(crate) mod accept_gate;
pub(crate) mod activation;
pub(crate) mod address;
pub(crate) mod bound_sockets;
pub(crate) mod listener;
pub(crate) mod tcp_options;
pub(crate) mod transport;
