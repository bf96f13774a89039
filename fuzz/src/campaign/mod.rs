//! Campaigns of stock afl-fuzz: installation, environment, command lines, output directory, running
//! instances, figures. Each module imports only modules that are above it in this list.

pub mod cargo_afl;
pub mod failure;
pub mod output_mode;
pub mod stats;
pub mod stop_condition;

pub mod output_dir;

pub mod campaign_run;
pub mod host_name;
pub mod progress;

pub mod record;

pub mod findings;
pub mod judging;

pub mod seed_intake;
pub mod served_description;

pub mod answer_counts;
pub mod bundled;
pub mod connection_counts;
pub mod environment;

pub mod report;

pub mod instance;
pub mod mutator;

pub mod control_group;

pub mod guard;
pub mod learning;
pub mod live_line;
pub mod shared_memory;
pub mod stop_watch;

pub mod runner;

pub mod conclusion;
pub mod measure;

pub mod loop_trial;
