//! Report of a campaign: everything that its output directory tells, as a page, as text and as data. Each module
//! imports only modules that are above it in this list.

mod markdown_text;
pub mod text;

pub mod bugs;
pub mod coverage;
pub mod plot_data;
pub mod requests;
pub mod saved_files;

pub mod instances;

pub mod repetition;

pub mod data;

pub mod series;

pub mod charts;

pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod sarif;

pub mod live_server;
pub mod report_file;
