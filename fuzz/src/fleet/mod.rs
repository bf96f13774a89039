//! Campaigns on many machines by AFL++'s own scheme: each machine runs `sockfuzz fuzz`, and the inputs that their main
//! instances found are exchanged through this machine, the hub, by rsync over ssh. Each module imports only modules that are
//! above it in this list.
//!
//! The hub's directory is an output directory with the instances of all hosts, whose names are unique, so that
//! `sockfuzz report` and `sockfuzz triage` work on it. Its directory `.fleet` holds the rest.
//!
//! A host gets one directory of inputs, `fleet`, beside its instances ([`pool`]): the inputs of all hosts without
//! duplicates. (afl-fuzz's `-F` takes 32 directories, forgets at each start what it has read, and tells new files by the
//! second in which they were written; so a directory in the one of the instances is the better way.)

pub mod config;
pub mod external;

pub mod bundle_dir;
pub mod host_state;
pub mod moved;
pub mod rsync_stats;

pub mod connection;

pub mod pool;
pub mod remote;
pub mod transfer;

pub mod hub;

pub mod crew;
pub mod member;

pub mod round;
