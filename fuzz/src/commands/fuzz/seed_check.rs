//! Check of the seeds before fuzzing. Of many, afl-fuzz gets only those that add coverage, because it calibrates each.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use indicatif::HumanCount;

use super::arguments::FuzzArguments;
use super::preparation::FuzzTarget;
use crate::campaign::record::CampaignRecord;
use crate::input::corpus::Seed;
use crate::note;
use crate::options::PreloadOptions;
use crate::server::inspect::Inspection;
use crate::server::seeds::{self, SeedCheck, SeedProgress};
use crate::server::single_run::RunConfig;
use crate::server::transport::{self, TransportChoice, is_sampled};
use crate::util::printable::counted;

/// Number of seeds above which only a sample is answered as by a server of its own, and all others run in the loop. afl-fuzz
/// takes seconds for this number.
const MANY_SEEDS: usize = 500;

/// Time limit for one seed in the check before fuzzing. It includes the start of the server.
const CHECK_TIMEOUT: Duration = Duration::from_secs(10);

/// Name of the pass over all seeds, for the progress bar.
const IN_LOOP: &str = "seeds in the loop";

/// Results for the seeds.
#[derive(Debug)]
pub(super) struct CheckedSeeds {
    pub(super) check: SeedCheck,
    /// Indices of the seeds that reach nothing that others do not reach.
    pub(super) redundant: HashSet<usize>,
}

/// Runs each seed once, unless `--no-check` is given, and chooses the transport if it is `auto`.
pub(super) fn check(
    arguments: &FuzzArguments,
    target: &FuzzTarget,
    library: &Path,
    options: &PreloadOptions,
    seeds: &[Seed],
) -> Result<CheckedSeeds> {
    let earlier = CampaignRecord::read(target.out.path())?;
    let options = options.with_crashes_of_the_loop();
    let config = RunConfig { server: &target.server, library, options: &options, timeout: CHECK_TIMEOUT };
    let are_many = !arguments.keep_all_seeds && seeds.len() > MANY_SEEDS;
    let check = if arguments.no_check {
        let earlier = earlier.as_ref().and_then(CampaignRecord::transport);
        let choice = transport::is_auto(&options).then(|| TransportChoice::unchecked(earlier));
        SeedCheck { choice, ..SeedCheck::default() }
    } else if are_many {
        check_sample(&config, &target.inspection, seeds)?
    } else {
        seeds::check(&config, &target.inspection, seeds)?
    };
    check.tls.filter(|found| found.is_tls()).iter().for_each(|found| note!("the server speaks {found}"));
    check.choice.iter().for_each(|choice| note!("{choice}"));
    check.listeners.iter().for_each(|listeners| note!("{listeners}"));
    let mut checked = CheckedSeeds { check, redundant: HashSet::new() };
    if are_many && !arguments.no_check {
        let options = checked.check.apply(&options);
        let config = RunConfig { options: &options, ..config };
        let given = earlier.filter(|_| target.out.is_resumed());
        select(&mut checked, &config, arguments, given.as_ref(), seeds)?;
    }
    Ok(checked)
}

/// Checks an even sample of the seeds.
fn check_sample(config: &RunConfig<'_>, inspection: &Inspection, seeds: &[Seed]) -> Result<SeedCheck> {
    let sample: Vec<usize> =
        (0..seeds.len()).filter(|index| is_sampled(*index, seeds.len(), MANY_SEEDS)).collect();
    let sampled: Vec<Seed> = sample.iter().map(|index| seeds[*index].clone()).collect();
    let mut check = seeds::check(config, inspection, &sampled)?;
    check.findings.iter_mut().for_each(|(index, _)| *index = sample[*index]);
    Ok(check)
}

/// Runs the seeds that a resumed campaign was not given yet, and finds those that are redundant, and more findings.
fn select(
    checked: &mut CheckedSeeds,
    config: &RunConfig<'_>,
    arguments: &FuzzArguments,
    given: Option<&CampaignRecord>,
    seeds: &[Seed],
) -> Result<()> {
    let findings: HashSet<usize> = checked.check.findings.iter().map(|(index, _)| *index).collect();
    let is_new = given.map_or_else(|| vec![true; seeds.len()], |given| given.are_new(seeds));
    let run: Vec<usize> =
        (0..seeds.len()).filter(|index| is_new[*index] && !findings.contains(index)).collect();
    if run.is_empty() {
        return Ok(());
    }
    let inputs: Vec<&[u8]> = run.iter().map(|index| &seeds[*index].bytes[..]).collect();
    let progress = SeedProgress::begin(inputs.len(), 1);
    let in_loop = RunConfig { timeout: Duration::from_millis(arguments.timeout.into()), ..*config };
    let minimised = in_loop.minimise(&[], &inputs, arguments.jobs.into(), &|| progress.advance(IN_LOOP))?;
    drop(progress);
    let mut kept: HashSet<usize> = minimised.kept.iter().map(|index| run[*index]).collect();
    // Only what fails in a process of its own is a finding. What fails otherwise is left to afl-fuzz.
    for index in minimised.failed.iter().map(|index| run[*index]) {
        match config.run(&seeds[index].bytes)?.finding() {
            Some(kind) => checked.check.findings.push((index, kind)),
            None => drop(kept.insert(index)),
        }
    }
    checked.redundant = run.iter().copied().filter(|index| !kept.contains(index)).collect();
    note!(
        "{}, {} kept: the others add no coverage; --keep-all-seeds keeps them",
        counted(run.len() as u64, "seed", "seeds"),
        HumanCount(kept.len() as u64),
    );
    Ok(())
}
