//! What the description of its API that the server itself serves adds to a campaign. The server is asked when the campaign starts,
//! and again when it is resumed with another program; the answer is kept in the output directory.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use super::arguments::FuzzArguments;
use super::guide::Guide;
use super::preparation::FuzzTarget;
use crate::campaign::record::CampaignRecord;
use crate::campaign::served_description;
use crate::input::corpus::{self, Seed};
use crate::input::import;
use crate::note;
use crate::options::PreloadOptions;
use crate::server::single_run::RunConfig;

/// Time limit of one answer, with the start of the server. A server that needs longer is fuzzed without its description.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// How to leave the description out.
const REMEDY: &str = "--no-openapi leaves that out";

/// Returns a guide of the description that the server serves, or that was kept in the output directory, if there is one and the
/// user has not given another.
///
/// # Errors
/// When the server cannot be started, the user interrupts, or the kept description cannot be read.
pub(super) fn find(
    arguments: &FuzzArguments,
    target: &FuzzTarget,
    library: &Path,
    options: &PreloadOptions,
) -> Result<Option<Guide>> {
    if arguments.openapi.is_some() || arguments.no_openapi {
        return Ok(None);
    }
    let out = &target.out;
    let earlier = CampaignRecord::read(out.path())?.filter(|_| out.is_resumed());
    let has_asked = earlier.is_some_and(|earlier| earlier.is_of_program(&target.server));
    if !has_asked && !arguments.no_check {
        let options = options.with_crashes_of_the_loop();
        let config =
            RunConfig { server: &target.server, library, options: &options, timeout: ANSWER_TIMEOUT };
        if let Some(guide) = served(&served_description::ask(&config)?) {
            return Ok(Some(guide));
        }
    }
    let kept = served_description::file_in(out.path());
    kept.is_file().then(|| read_kept(&kept)).transpose()
}

/// Keeps a description in the output directory.
///
/// # Errors
/// When it cannot be written.
pub(super) fn keep(guide: &Guide, out: &Path) -> Result<()> {
    let path = served_description::file_in(out);
    let text = serde_json::to_string_pretty(&guide.document)? + "\n";
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// Reads the first description among the server's answers that can be used. If there is none, the reason is reported, and the
/// campaign goes on.
fn served(answers: &[Seed]) -> Option<Guide> {
    let mut reason = None;
    for answer in answers {
        match import::read_description_text(answer) {
            Ok(description) => {
                let guide = Guide::new(description, &answer.path);
                note!("the server describes its API at {}: {guide} ({REMEDY})", answer.name);
                guide.report_skipped();
                return Some(guide);
            }
            Err(error) => reason = reason.or(Some(error)),
        }
    }
    if let Some(reason) = reason {
        note!("the server describes its API, but not so that it can be used ({REMEDY}):\n{reason}");
    }
    None
}

fn read_kept(path: &Path) -> Result<Guide> {
    let guide = Guide::new(import::read_description(&corpus::read_file(path)?)?, path);
    note!("{}, as the server has served it: {guide} ({REMEDY})", path.display());
    Ok(guide)
}
