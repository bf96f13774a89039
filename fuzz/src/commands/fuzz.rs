//! `sockfuzz fuzz`: checks a server, starts a campaign of stock afl-fuzz, and reports its figures.

mod arguments;
mod follow_up;

use std::io::{IsTerminal, stdout};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use sockfuzz_protocol::session::Connection;
use sockfuzz_protocol::{InputFormat, Loop, SandboxMode, specs};

pub use self::arguments::{EXAMPLES, FuzzArguments};
use crate::campaign::bundled;
use crate::campaign::cargo_afl::CargoAfl;
use crate::campaign::conclusion::{combined_stats, conclude};
use crate::campaign::control_group::{ControlGroup, GroupLimits};
use crate::campaign::environment::{self, Setting};
use crate::campaign::instance::{CampaignPlan, Instance, choose_dictionary, split_afl_options};
use crate::campaign::mutator::Mutator;
use crate::campaign::output_dir::OutputDir;
use crate::campaign::output_mode::OutputMode;
use crate::campaign::record::CampaignRecord;
use crate::campaign::runner;
use crate::campaign::seed_intake;
use crate::input::corpus::{self, Seed};
use crate::note;
use crate::options::PreloadOptions;
use crate::sandbox::Sandbox;
use crate::server::Server;
use crate::server::inspect::{self, Inspection};
use crate::server::seeds::{self, SeedCheck};
use crate::server::single_run::{FindingKind, RunConfig};
use crate::server::status_file::StatusFile;
use crate::server::transport::{self, TransportChoice};
use crate::util::home_bundle;
use crate::util::notice::{self, Verbosity};
use crate::util::preload;
use crate::util::printable::counted;
use crate::util::problem::Problem;
use crate::util::workspace;

/// Time limit for one seed in the check before fuzzing. It includes the start of the server.
const CHECK_TIMEOUT: Duration = Duration::from_secs(10);

/// Fuzzes the server.
///
/// # Errors
/// A server that cannot be used, a directory that cannot be used, or an afl-fuzz that fails.
pub fn run(arguments: FuzzArguments) -> Result<u8> {
    let inputs = FuzzInputs::read(&arguments)?;
    let target = FuzzTarget::prepare(&arguments)?;
    let library = preload::locate(arguments.preload.preload.as_deref())?;
    let mutator = Mutator::select(arguments.mutator, &inputs.afl_options);
    let mutator_settings = mutator.settings(inputs.dictionary.as_deref())?;

    report_target(&target, &arguments.preload.options)?;
    let options = preload_options(&arguments, mutator, &inputs.seeds);
    let sandbox = Sandbox::prepare(&options, &library)?;
    sandbox.check_not_writable(target.out.path())?;
    let SeedCheck { choice, findings } =
        check_seeds(&arguments, &target, &library, sandbox.options(), &inputs.seeds)?;
    let apply = |options: &PreloadOptions| match &choice {
        Some(choice) => choice.apply(options),
        None => options.clone(),
    };
    let record = CampaignRecord::new(&target.server, &apply(&options), arguments.timeout, &inputs.seeds)?;
    let checked = CheckedTarget { target, record, options: apply(sandbox.options()), findings };
    fuzz(&arguments, checked, &inputs, &library, mutator_settings)
}

/// The input files of a campaign, and the options of afl-fuzz.
struct FuzzInputs {
    afl_options: Vec<String>,
    corpus: PathBuf,
    seeds: Vec<Seed>,
    dictionary: Option<PathBuf>,
}

impl FuzzInputs {
    fn read(arguments: &FuzzArguments) -> Result<Self> {
        let split = |text: &String| {
            split_afl_options(text).map_err(|error| Problem::failed(error, "see sockfuzz fuzz -h"))
        };
        let afl_options = arguments.afl.iter().map(split).collect::<Result<Vec<_>, _>>()?.concat();
        let corpus = workspace::corpus_or_bundled(arguments.corpus.clone())?;
        let seeds = corpus::read(&corpus)?;
        let bundled = workspace::bundled_dictionary()?;
        let dictionary = choose_dictionary(arguments.dictionary.clone(), bundled)?;
        Ok(Self { afl_options, corpus, seeds, dictionary })
    }
}

/// The server to fuzz, built if it is the bundled one, and its output directory.
struct FuzzTarget {
    server: Server,
    inspection: Inspection,
    out: OutputDir,
    cargo_afl: CargoAfl,
}

impl FuzzTarget {
    fn prepare(arguments: &FuzzArguments) -> Result<Self> {
        let server = choose_server(arguments)?;
        let out = OutputDir::validate(&arguments.output, &server)?;
        let cargo_afl = CargoAfl::find_or_install()?;
        if is_bundled(arguments) {
            bundled::build(&cargo_afl, "the bundled server", &[])?;
        }
        let inspection = inspect::inspect(&server)?;
        inspection.require_instrumentation(arguments.uninstrumented)?;
        Ok(Self { server, inspection, out, cargo_afl })
    }
}

/// Whether the bundled server is to be fuzzed. In a bundle of `sockfuzz bundle`, it is that one's.
fn is_bundled(arguments: &FuzzArguments) -> bool {
    arguments.server.is_empty() && home_bundle::current().is_none()
}

/// Returns the given server, checked for instrumentation, or the bundled one, which may not be built yet.
fn choose_server(arguments: &FuzzArguments) -> Result<Server> {
    if is_bundled(arguments) {
        return bundled::server(arguments.model, arguments.planted);
    }
    let server = Server::resolve(&arguments.server)?;
    inspect::inspect(&server)?.require_instrumentation(arguments.uninstrumented)?;
    Ok(server)
}

/// Reports the inspection of the server, and refuses loop `afl` for a server without instrumentation.
fn report_target(target: &FuzzTarget, options: &PreloadOptions) -> Result<()> {
    let inspection = &target.inspection;
    note!("{}: {inspection}", target.server.program.display());
    if let Some(warning) = inspection.sparse_instrumentation() {
        eprintln!("sockfuzz: WARNING: {warning}");
    }
    if inspection.is_uninstrumented() {
        note!("its coverage is unknown, so figures for edges count kinds of answers instead");
        refuse_loop_afl(options)?;
    }
    Ok(())
}

/// Refuses loop `afl`: the persistent loop is a part of AFL++'s runtime, which the server does not contain.
fn refuse_loop_afl(options: &PreloadOptions) -> Result<()> {
    if options.parsed().r#loop != Loop::Afl {
        return Ok(());
    }
    let what = format!("--{} {} needs an instrumented server", specs::LOOP.flag, Loop::Afl);
    Err(Problem::failed(what, format!("omit --{0} and unset {1}", specs::LOOP.flag, specs::LOOP.variable))
        .into())
}

/// Returns the options of the preload with the format of the inputs, and warns about seeds that are too long.
fn preload_options(arguments: &FuzzArguments, mutator: Mutator, seeds: &[Seed]) -> PreloadOptions {
    for warning in corpus::oversize_warnings(seeds) {
        note!("{warning}");
    }
    let format = corpus::input_format(seeds);
    let options = mutator.apply(&arguments.preload.options).with_input_format(format);
    if options.parsed().input == InputFormat::Session {
        note!("inputs are sessions: steps over up to {} connections", Connection::COUNT);
    }
    options
}

/// The server, with the results of the check of the seeds.
struct CheckedTarget {
    target: FuzzTarget,
    record: CampaignRecord,
    /// Options of the preload, including those of the sandbox.
    options: PreloadOptions,
    /// Seeds that crash or hang the server.
    findings: Vec<(usize, FindingKind)>,
}

/// Runs each seed once, unless `--no-check` is given, and chooses the transport if it is `auto`.
fn check_seeds(
    arguments: &FuzzArguments,
    target: &FuzzTarget,
    library: &Path,
    options: &PreloadOptions,
    seeds: &[Seed],
) -> Result<SeedCheck> {
    let check = if arguments.no_check {
        let earlier = CampaignRecord::read(target.out.path())?.and_then(|record| record.transport());
        let choice = transport::is_auto(options).then(|| TransportChoice::unchecked(earlier));
        SeedCheck { choice, ..SeedCheck::default() }
    } else {
        let options = &options.with_crashes_of_the_loop();
        let config = RunConfig { server: &target.server, library, options, timeout: CHECK_TIMEOUT };
        seeds::check(&config, &target.inspection, seeds)?
    };
    check.choice.iter().for_each(|choice| note!("{choice}"));
    Ok(check)
}

/// Runs the campaign in its output directory.
fn fuzz(
    arguments: &FuzzArguments,
    checked: CheckedTarget,
    inputs: &FuzzInputs,
    library: &Path,
    mutator_settings: Vec<Setting>,
) -> Result<u8> {
    let CheckedTarget { target, record, options, findings } = checked;
    let FuzzTarget { server, inspection, out, cargo_afl } = target;
    let out = out.lock()?;
    let earlier_record = CampaignRecord::read(out.path())?;
    let others = seed_intake::save_findings(&out, &inputs.seeds, &findings)?;
    seed_intake::findings_line(&out, &findings).iter().for_each(|line| note!("{line}"));
    let status = StatusFile::kept_at(&out.status())?;
    let output_mode = output_mode(arguments.jobs);
    let mut settings = environment::settings(&server, library, &options, &status, &inspection, output_mode);
    settings.extend(mutator_settings);
    let plan = CampaignPlan {
        cargo_afl: &cargo_afl,
        settings: &settings,
        corpus: &seed_intake::corpus_without_findings(&out, &inputs.corpus, &inputs.seeds, &others)?,
        dictionary: inputs.dictionary.as_deref(),
        timeout: Duration::from_millis(arguments.timeout.into()),
        cmplog: !inspection.is_uninstrumented(),
        histories: true,
        options: &inputs.afl_options,
        server: &server,
    };
    let instances = plan.instances(arguments.jobs.into(), &out);
    plan.create_histories(&instances, &out)?;
    report_instances(&settings, &instances, &out);
    if let Some(resumed) = instances.iter().find(|instance| instance.resumes) {
        let instance = out.instance(&resumed.name);
        resume(&instance, earlier_record.as_ref(), &record, &inputs.seeds, &others)?;
    }
    match &earlier_record {
        Some(earlier) => record.resuming(earlier),
        None => record,
    }
    .write(out.path())?;
    let earlier = combined_stats(&instances, &out).map_or(0, |stats| stats.executions);
    let group = control_group(&options, instances.len());
    let result = runner::run(&instances, &out, output_mode, &status, group.as_ref());
    let exit_status = conclude(result, &instances, &out, &status, group.as_ref(), earlier)?;
    drop(group);
    follow_up::follow_up(out.path(), !arguments.no_triage, exit_status)?;
    Ok(exit_status)
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

/// Adds new seeds to a campaign that is resumed, and reports whether the server has changed since the last run.
fn resume(
    instance: &Path,
    earlier: Option<&CampaignRecord>,
    record: &CampaignRecord,
    seeds: &[Seed],
    others: &[&Seed],
) -> Result<()> {
    let Some(earlier) = earlier else { return Ok(()) };
    if earlier.has_other_program(record) {
        note!(
            "the server's program has changed since this campaign was last run: earlier coverage \
             and findings may not apply to it"
        );
    }
    match seed_intake::take_in_new(instance, earlier, seeds, others)? {
        0 => {}
        new => note!("{} put into the queue", counted(new as u64, "new seed", "new seeds")),
    }
    Ok(())
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
