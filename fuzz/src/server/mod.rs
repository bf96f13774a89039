//! Server under test. These modules import each other in one direction only: from the end of this list to its
//! beginning.

pub mod coverage_set;
pub mod edges;
pub mod executable_words;
pub mod process_tree;
pub mod sanitizers;
pub mod status_classes;
pub mod status_file;
mod symbols;
pub mod tls_client;

pub mod client_stream;

pub mod tcp_client;

pub mod tls_probe;

pub mod crash_stack;

pub mod command;
mod listening;
pub mod running;

pub mod diagnose;
pub mod inspect;

mod plain_server;
pub mod recorded_server;
pub mod single_run;

pub mod batch_run;
pub mod coverage_run;
mod crash_run;
pub mod loop_run;

pub mod loop_pool;
pub mod minimal_set;
pub mod minimisation;

pub mod plain_run;
pub mod tcp_run;

pub mod debugger;
pub mod transport;
pub mod unchosen_listeners;

pub mod backtrace;

pub mod seeds;

pub mod tcp_comparison;

pub use command::Server;
