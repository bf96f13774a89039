//! Run of a campaign in its output directory: its command lines, its instances, and its conclusion.

use std::io::{IsTerminal, stdout};
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use sockfuzz_protocol::SandboxMode;

use super::arguments::FuzzArguments;
use super::follow_up::FollowUp;
use super::guide;
use super::judge_process::JudgeProcess;
use super::new_findings::{self, KNOWN_TIMEOUT, KnownFindings};
use super::preparation::{FuzzInputs, FuzzTarget};
use super::resumption;
use super::seed_check::CheckedSeeds;
use super::served_guide;
use crate::campaign::conclusion::{combined_stats, conclude};
use crate::campaign::control_group::{ControlGroup, GroupLimits};
use crate::campaign::environment::{self, Setting};
use crate::campaign::instance::{CampaignPlan, Instance};
use crate::campaign::learning::Learning;
use crate::campaign::mutator::Mutator;
use crate::campaign::output_dir::OutputDir;
use crate::campaign::output_mode::OutputMode;
use crate::campaign::record::CampaignRecord;
use crate::campaign::runner;
use crate::campaign::seed_intake;
use crate::campaign::stop_condition::StopCondition;
use crate::campaign::stop_watch::StopWatch;
use crate::note;
use crate::options::PreloadOptions;
use crate::routes::known;
use crate::server::single_run::RunConfig;
use crate::server::status_file::StatusFile;
use crate::util::exit_code;
use crate::util::notice::{self, Verbosity};

/// The server, with the results of the check of the seeds.
pub(super) struct CheckedTarget {
    pub(super) target: FuzzTarget,
    pub(super) record: CampaignRecord,
    /// Options of the preload, including those of the sandbox.
    pub(super) options: PreloadOptions,
    pub(super) seeds: CheckedSeeds,
}

/// Runs the campaign in its output directory.
pub(super) fn fuzz(
    arguments: &FuzzArguments,
    checked: CheckedTarget,
    inputs: &FuzzInputs,
    library: &Path,
    (mutator, mutator_settings): (Mutator, Vec<Setting>),
) -> Result<u8> {
    let CheckedTarget { target, record, options, seeds: CheckedSeeds { check, redundant } } = checked;
    let findings = check.findings;
    let FuzzTarget { server, inspection, out, cargo_afl } = target;
    let out = out.lock()?;
    let earlier_record = CampaignRecord::read(out.path())?;
    let host = resumption::host(arguments.host.as_ref(), earlier_record.as_ref(), &out)?;
    let mut known = KnownFindings::record(out.path())?;
    seed_intake::save_findings(&out, &inputs.seeds, &findings)?;
    let others = seed_intake::without(&inputs.seeds, &findings, &redundant);
    let new = resumption::new_seeds(earlier_record.as_ref(), &others);
    seed_intake::findings_line(&out, &findings).iter().for_each(|line| note!("{line}"));
    if let Some((guide, path)) = inputs.guide.as_ref().zip(inputs.dictionary.as_ref()) {
        guide.write_dictionary(inputs.given_dictionary.as_ref(), path)?;
        if arguments.openapi.is_none() {
            served_guide::keep(guide, out.path())?;
        }
    }
    let corpus = seed_intake::corpus(&out, inputs.corpus.as_deref(), &inputs.seeds, &others, &new)?;
    guide::record_rules(arguments, inputs.guide.as_ref(), &inputs.seeds, &corpus, out.path())?;
    let status = StatusFile::kept_at(&out.status())?;
    let output_mode = output_mode(arguments.jobs);
    let mut settings = environment::settings(&server, library, &options, &status, &inspection, output_mode);
    let learning = Learning::prepare(mutator, &inspection, &out)?;
    settings
        .extend(mutator_settings.into_iter().chain(guide::settings(arguments)).chain(learning.settings()));
    let plan = CampaignPlan {
        cargo_afl: &cargo_afl,
        settings: &settings,
        corpus: &corpus,
        dictionary: inputs.dictionary.as_deref(),
        timeout: Duration::from_millis(arguments.timeout.into()),
        cmplog: !inspection.is_uninstrumented(),
        histories: true,
        host: host.as_ref(),
        options: &inputs.afl_options,
        server: &server,
    };
    let instances = plan.instances(arguments.jobs.into(), &out);
    plan.create_histories(&instances, &out)?;
    let own_seeds = if inputs.are_own { &inputs.seeds[..] } else { &[] };
    known::record(out.path(), &inputs.described_routes, own_seeds, options.parsed().input)?;
    report_instances(&settings, &instances, &out);
    if let Some(resumed) = instances.iter().find(|instance| instance.resumes) {
        let instance = out.instance(&resumed.name);
        resumption::resume(&instance, earlier_record.as_ref(), &record, &new)?;
    }
    match &earlier_record {
        Some(earlier) => record.resuming(earlier),
        None => record,
    }
    .on_host(host.as_ref())
    .write(out.path())?;
    let earlier = combined_stats(&instances, &out).map_or(0, |stats| stats.executions);
    let group = control_group(&options, instances.len());
    if arguments.needs_places_of_bugs() {
        let options = &options.with_crashes_of_the_loop();
        known.find_again(&RunConfig { server: &server, library, options, timeout: KNOWN_TIMEOUT })?;
    }
    let is_known = |file: &Path| known.contains(file);
    report_conditions(&arguments.until);
    let mut stop_watch = StopWatch::start(&arguments.until, &is_known);
    let judge = JudgeProcess::start(arguments, out.path(), library)?;
    let result = runner::run(&instances, &out, output_mode, &status, group.as_ref(), Some(&mut stop_watch));
    let result = result.and_then(|end| judge.judge_rest(end));
    let exit_status = conclude(result, &instances, &out, &status, group.as_ref(), earlier)?;
    drop(group);
    follow_up(arguments, out.path(), exit_status)
}

/// Triages and reports what the campaign has found, and returns the exit status of the command. `status` is that of the
/// campaign.
fn follow_up(arguments: &FuzzArguments, out: &Path, status: u8) -> Result<u8> {
    let wanted = FollowUp {
        is_wanted: !arguments.no_triage,
        triage_time: arguments.triage_time,
        reports: arguments.report_files().collect(),
    };
    let all_written = wanted.run(out, status)?;
    let is_judged = status == exit_code::OK && !arguments.until.is_empty();
    Ok(match status {
        exit_code::OK if is_judged && new_findings::report(out)? => exit_code::CRASHED,
        exit_code::OK if !all_written => exit_code::FAILED,
        status => status,
    })
}

/// Reports when the campaign will stop.
fn report_conditions(conditions: &[StopCondition]) {
    if !conditions.is_empty() {
        let conditions: Vec<_> = conditions.iter().map(ToString::to_string).collect();
        note!("the campaign stops {}", conditions.join(", or "));
    }
}

/// Creates the control group of the campaign if the sandbox is on and this process may create one.
fn control_group(options: &PreloadOptions, instances: usize) -> Option<ControlGroup> {
    let options = options.parsed();
    let is_on = options.sandbox != SandboxMode::Off;
    let limits = GroupLimits::for_instances(instances, options.memory_mib);
    let group = is_on.then(|| ControlGroup::create(limits)).flatten();
    if let Some(group) = &group {
        note!("a control group keeps the campaign below {}", group.limits());
    }
    group
}

/// Returns the output mode: one instance shows its output, several write logs.
fn output_mode(jobs: u16) -> OutputMode {
    match (jobs, stdout().is_terminal()) {
        (1, true) => OutputMode::StatusScreen,
        (1, false) => OutputMode::Lines,
        _ => OutputMode::Logs,
    }
}

/// Prints the command lines, and the reasons for unusual settings.
fn report_instances(settings: &[Setting], instances: &[Instance], out: &OutputDir) {
    for reason in settings.iter().filter_map(|setting| setting.reason.as_ref()) {
        note!("{reason}");
    }
    if instances.iter().any(|instance| instance.resumes) {
        note!("resuming {}", out.path().display());
    }
    for instance in instances {
        if notice::is_at_least(Verbosity::Normal) {
            eprintln!("{}", instance.command_line());
        }
    }
}
