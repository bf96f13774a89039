//! Preparation of a campaign: the input files, the server, and its output directory.

use std::path::{Path, PathBuf};

use anyhow::Result;
use sockfuzz_protocol::{Loop, specs};

use super::arguments::FuzzArguments;
use super::guide::{DICTIONARY_FILE, Guide};
use crate::campaign::bundled;
use crate::campaign::cargo_afl::CargoAfl;
use crate::campaign::instance::{choose_dictionary, split_afl_options};
use crate::campaign::output_dir::OutputDir;
use crate::input::corpus::{self, Seed};
use crate::input::route::{self, Route};
use crate::note;
use crate::options::PreloadOptions;
use crate::server::Server;
use crate::server::inspect::{self, Inspection};
use crate::util::home_bundle;
use crate::util::problem::Problem;
use crate::util::workspace;

/// The input files of a campaign, and the options of afl-fuzz.
pub(super) struct FuzzInputs {
    pub(super) afl_options: Vec<String>,
    /// Directory of all seeds, if there is one.
    pub(super) corpus: Option<PathBuf>,
    pub(super) seeds: Vec<Seed>,
    /// Whether the seeds are the user's, or those of the API, so that their routes are the server's.
    pub(super) are_own: bool,
    /// Routes of descriptions of the API.
    pub(super) described_routes: Vec<Route>,
    /// Dictionary of the user, or the bundled one.
    pub(super) given_dictionary: Option<PathBuf>,
    /// Dictionary of the campaign.
    pub(super) dictionary: Option<PathBuf>,
    pub(super) guide: Option<Guide>,
}

impl FuzzInputs {
    pub(super) fn read(arguments: &FuzzArguments) -> Result<Self> {
        let split = |text: &String| {
            split_afl_options(text).map_err(|error| Problem::failed(error, "see sockfuzz fuzz -h"))
        };
        let afl_options = arguments.afl.iter().map(split).collect::<Result<Vec<_>, _>>()?.concat();
        let guide = Guide::read(arguments)?;
        let corpus = workspace::corpus_or_bundled(arguments.corpus.clone())?;
        let bundled = workspace::bundled_dictionary()?;
        let given_dictionary = choose_dictionary(arguments.dictionary.clone(), bundled)?;
        let inputs = Self {
            afl_options,
            seeds: corpus::read(&corpus)?,
            are_own: arguments.corpus.is_some(),
            described_routes: route::of_corpus(&corpus),
            corpus: Some(corpus),
            dictionary: given_dictionary.clone(),
            given_dictionary,
            guide: None,
        };
        match guide {
            Some(guide) => inputs.with_guide(guide, &arguments.output),
            None => Ok(inputs),
        }
    }

    /// Adds what a description of the API gives. Its seeds replace the bundled ones.
    pub(super) fn with_guide(mut self, guide: Guide, output: &Path) -> Result<Self> {
        if !self.are_own {
            self.seeds.clear();
        }
        self.seeds.extend(guide.seeds.iter().cloned());
        self.described_routes.extend(guide.routes.iter().cloned());
        let dictionary = Some(std::path::absolute(output)?.join(DICTIONARY_FILE));
        Ok(Self { corpus: None, are_own: true, dictionary, guide: Some(guide), ..self })
    }
}

/// The server to fuzz, built if it is the bundled one, and its output directory.
pub(super) struct FuzzTarget {
    pub(super) server: Server,
    pub(super) inspection: Inspection,
    pub(super) out: OutputDir,
    pub(super) cargo_afl: CargoAfl,
}

impl FuzzTarget {
    pub(super) fn prepare(arguments: &FuzzArguments) -> Result<Self> {
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
    let server = arguments.setup.server(&arguments.server)?;
    inspect::inspect(&server)?.require_instrumentation(arguments.uninstrumented)?;
    Ok(server)
}

/// Reports the inspection of the server, and refuses loop `afl` for a server without instrumentation.
pub(super) fn report_target(target: &FuzzTarget, options: &PreloadOptions) -> Result<()> {
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
