//! `sockfuzz fuzz`: checks a server, starts a campaign of stock afl-fuzz, and reports its figures.

mod arguments;
mod execution;
mod follow_up;
mod guide;
mod judge_process;
mod new_findings;
mod preparation;
mod resumption;
mod seed_check;
mod served_guide;

use anyhow::Result;
use sockfuzz_protocol::InputFormat;
use sockfuzz_protocol::session::Connection;

pub use self::arguments::{EXAMPLES, FuzzArguments};
use self::execution::CheckedTarget;
use self::preparation::{FuzzInputs, FuzzTarget};
use crate::campaign::mutator::Mutator;
use crate::campaign::record::CampaignRecord;
use crate::input::corpus::{self, Seed};
use crate::note;
use crate::options::PreloadOptions;
use crate::report::report_file;
use crate::sandbox::Sandbox;
use crate::util::preload;

/// Fuzzes the server.
///
/// # Errors
/// A server that cannot be used, a directory that cannot be used, or an afl-fuzz that fails.
pub fn run(arguments: FuzzArguments) -> Result<u8> {
    arguments.report_files().try_for_each(|(_, file)| report_file::require_writable(file))?;
    let inputs = FuzzInputs::read(&arguments)?;
    let target = FuzzTarget::prepare(&arguments)?;
    let library = preload::locate(arguments.preload.preload.as_deref())?;
    let mutator = Mutator::select(arguments.mutator, &inputs.afl_options);

    preparation::report_target(&target, &arguments.preload.options)?;
    let options = mutator.apply(&arguments.preload.options);
    let sandbox = Sandbox::prepare(&options, &library)?;
    sandbox.check_not_writable(target.out.path())?;
    let inputs = match served_guide::find(&arguments, &target, &library, sandbox.options())? {
        Some(guide) => inputs.with_guide(guide, &arguments.output)?,
        None => inputs,
    };
    let mutator_settings = mutator.settings(inputs.dictionary.as_deref())?;
    let kind = corpus::InputKind::of(&inputs.seeds);
    let [options, sandboxed] = [&options, sandbox.options()].map(|options| kind.fit(options));
    report_seeds(&inputs.seeds, &options);
    let checked = seed_check::check(&arguments, &target, &library, &sandboxed, &inputs.seeds)?;
    let record = CampaignRecord::new(
        &target.server,
        &checked.check.apply(&options),
        arguments.timeout,
        &inputs.seeds,
    )?;
    let options = checked.check.apply(&sandboxed);
    let checked = CheckedTarget { target, record, options, seeds: checked };
    execution::fuzz(&arguments, checked, &inputs, &library, (mutator, mutator_settings))
}

/// Warns about seeds that are too long, and tells whether inputs are sessions.
fn report_seeds(seeds: &[Seed], options: &PreloadOptions) {
    for warning in corpus::oversize_warnings(seeds) {
        note!("{warning}");
    }
    if options.parsed().input == InputFormat::Session {
        note!("inputs are sessions: steps over up to {} connections", Connection::COUNT);
    }
}
