//! What a resumed campaign takes over from its record, and what has changed since.

use std::path::Path;

use anyhow::Result;

use crate::campaign::host_name::HostName;
use crate::campaign::output_dir::OutputDir;
use crate::campaign::record::CampaignRecord;
use crate::campaign::seed_intake;
use crate::input::corpus::Seed;
use crate::note;
use crate::util::printable::counted;
use crate::util::problem::Problem;

/// Returns the name of this machine: the given one, or that of the campaign in `out`, if it has instances to resume.
///
/// # Errors
/// When the campaign has another name, or none: its instances would be started again under other names.
pub(super) fn host(
    given: Option<&HostName>,
    earlier: Option<&CampaignRecord>,
    out: &OutputDir,
) -> Result<Option<HostName>, Problem> {
    let Some(earlier) = earlier.filter(|_| out.is_resumed()) else { return Ok(given.cloned()) };
    match (given, &earlier.host) {
        (Some(given), Some(recorded)) if given == recorded => Ok(Some(given.clone())),
        (None, recorded) => Ok(recorded.clone()),
        (Some(given), recorded) => {
            let recorded =
                recorded.as_ref().map_or("without --host".to_owned(), |it| format!("with --host {it}"));
            Err(Problem::failed(
                format!(
                    "the campaign in this output directory was started {recorded}, not with --host {given}"
                ),
                "omit --host, or choose another directory with -o",
            ))
        }
    }
}

/// Returns those of the seeds that a campaign which is resumed was not given yet.
pub(super) fn new_seeds<'a>(earlier: Option<&CampaignRecord>, seeds: &[&'a Seed]) -> Vec<&'a Seed> {
    let Some(earlier) = earlier else { return Vec::new() };
    let are_new = earlier.are_new(seeds.iter().copied());
    seeds.iter().zip(are_new).filter(|(_, is_new)| *is_new).map(|(seed, _)| *seed).collect()
}

/// Adds new seeds to a campaign that is resumed, and reports whether the server has changed since the last run.
///
/// # Errors
/// When a seed cannot be written.
pub(super) fn resume(
    instance: &Path,
    earlier: Option<&CampaignRecord>,
    record: &CampaignRecord,
    new: &[&Seed],
) -> Result<()> {
    let Some(earlier) = earlier else { return Ok(()) };
    if earlier.has_other_program(record) {
        note!(
            "the server's program has changed since this campaign was last run: earlier coverage \
             and findings may not apply to it"
        );
    }
    match seed_intake::take_in_new(instance, new)? {
        0 => {}
        new => note!("{} put into the queue", counted(new as u64, "new seed", "new seeds")),
    }
    Ok(())
}
