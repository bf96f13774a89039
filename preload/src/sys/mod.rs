//! Lowest layer: libc's real functions, descriptors, `/proc`, messages and the configuration.
//! It does not depend on what listeners, connections or AFL++ are used for.

pub(crate) mod answer_digest;
pub(crate) mod answer_output;
pub(crate) mod answer_ring;
pub(crate) mod cancellation;
pub(crate) mod config;
pub(crate) mod environment;
pub(crate) mod epoll_fds;
pub(crate) mod errno;
pub(crate) mod event;
pub(crate) mod fd;
pub(crate) mod fd_table;
pub(crate) mod fdinfo;
mod heap;
pub(crate) mod internal_error;
pub(crate) mod kept_answers;
pub(crate) mod kernel_action;
pub(crate) mod next_symbol;
pub(crate) mod objects;
pub(crate) mod own_work;
pub(crate) mod planned_end;
pub(crate) mod poll_set;
pub(crate) mod proc;
pub(crate) mod real;
pub(crate) mod relocation;
pub(crate) mod report;
pub(crate) mod seccomp;
mod shared_file;
pub(crate) mod shared_pages;
pub(crate) mod signal_guard;
pub(crate) mod spin_lock;
pub(crate) mod stdio;
pub(crate) mod symbols;
pub(crate) mod threads;
pub(crate) mod user_memory;
