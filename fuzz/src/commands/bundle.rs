//! `sockfuzz bundle`: puts a server with everything that fuzzing it needs into one directory, for other machines.

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use indicatif::HumanBytes;
use sockfuzz_protocol::{SandboxMode, specs};

use crate::bundle::accesses::Accesses;
use crate::bundle::assembly::{self, BundleSummary, Ingredients};
use crate::bundle::paths::normalized;
use crate::bundle::selection::Selection;
use crate::bundle::tracer;
use crate::campaign::bundled;
use crate::campaign::cargo_afl::CargoAfl;
use crate::campaign::instance::choose_dictionary;
use crate::campaign::mutator::Mutator;
use crate::commands::server_setup::SetupArguments;
use crate::input::corpus::{self, Seed};
use crate::note;
use crate::options::{PreloadArguments, PreloadOptions};
use crate::sandbox::Sandbox;
use crate::server::Server;
use crate::server::inspect::{self, Inspection};
use crate::server::plain_run;
use crate::server::seeds::{self, SeedCheck};
use crate::server::single_run::RunConfig;
use crate::util::printable::counted;
use crate::util::problem::Problem;
use crate::util::workspace;
use crate::util::{exit_code, preload};

/// Shown below the help text.
pub const EXAMPLES: &str = "\
Examples:
  sockfuzz bundle -o nginx-bundle -- ./nginx -g 'daemon off; master_process off;'
  sockfuzz bundle -o app -i seeds --include ./templates -- ./app --port 8080
  nginx-bundle/run -o out -j 4                     on this machine or another one

The server answers every seed once, while sockfuzz notes which files and libraries it uses; they are copied, and listed in \
manifest.json. What no seed asks for is added with --include. The directory may be moved and copied. It needs the same \
architecture and a GNU C library that is not older, but neither cargo nor a compiler nor root.

Exit status: 0 when the bundle is complete, 10 to 17 for a server that cannot be fuzzed (see sockfuzz --help).";

/// Time limit for one seed. It includes the start of the server.
const SEED_TIMEOUT: Duration = Duration::from_secs(10);

/// Maximum number of processes of the traced server, each of which continues after a seed that ended the one before.
const MAX_PROCESSES: usize = 20;

/// Arguments of `bundle`.
#[derive(Debug, Args)]
pub struct BundleArguments {
    /// Directory of the bundle, which must not exist
    #[arg(short, long = "output", value_name = "DIR")]
    pub output: PathBuf,
    /// Name of the bundle; its fuzz target is NAME_fuzzer [default: that of the server's program]
    #[arg(long, value_name = "NAME", value_parser = valid_name)]
    pub name: Option<String>,
    /// Directory of seeds [default: the bundled corpus/http1]
    #[arg(short = 'i', long, value_name = "DIR")]
    pub corpus: Option<PathBuf>,
    /// Dictionary [default: the bundled corpus/http.dict]
    #[arg(short = 'x', long, value_name = "FILE")]
    pub dictionary: Option<PathBuf>,
    /// File, or directory with everything below it, that the server may need, too; may be repeated
    #[arg(long, value_name = "PATH")]
    pub include: Vec<PathBuf>,
    /// Bundle a server without AFL++'s instrumentation
    #[arg(long)]
    pub uninstrumented: bool,
    /// What the server needs before it starts.
    #[command(flatten)]
    pub setup: SetupArguments,
    /// The preload and its options.
    #[command(flatten)]
    pub preload: PreloadArguments,
    /// The server and its arguments, in the foreground; without one, the bundled server
    #[arg(trailing_var_arg = true, value_name = "SERVER ARGS")]
    pub server: Vec<OsString>,
}

/// Makes the bundle.
///
/// # Errors
/// A server that cannot be used, a directory that exists, and files that cannot be read or written.
pub fn run(arguments: &BundleArguments) -> Result<u8> {
    let output = std::path::absolute(&arguments.output)?;
    refuse_existing(&output)?;
    let server = choose_server(arguments)?;
    let inspection = inspect::inspect(&server)?;
    inspection.require_instrumentation(arguments.uninstrumented)?;
    note!("{}: {inspection}", server.program.display());
    let server = without_script(server, &inspection);
    let name = match &arguments.name {
        Some(name) => name.clone(),
        None => name_of(&server.program)?,
    };
    let seeds = corpus::read(&workspace::corpus_or_bundled(arguments.corpus.clone())?)?;
    let dictionary = choose_dictionary(arguments.dictionary.clone(), workspace::bundled_dictionary()?)?;
    let library = preload::locate(arguments.preload.preload.as_deref())?;

    let options = Mutator::Http.apply(&arguments.preload.options);
    let options = corpus::InputKind::of(&seeds).fit(&options);
    let (options, usable) = check(&server, &inspection, &library, &options, &seeds)?;
    let selection = select(arguments, &server, &library, &options, &usable)?;
    let ingredients = Ingredients {
        name: &name,
        server: &server,
        sanitized: inspection.asan && !inspection.script,
        selection: &selection,
        options: &options.with_default(&specs::SANDBOX, &SandboxMode::Auto.to_string()),
        seeds: &usable,
        dictionary: dictionary.as_deref(),
    };
    let summary = write(&ingredients, &output)?;
    report(&output, &name, &selection, &summary);
    Ok(exit_code::OK)
}

/// Returns the given server, or the bundled one.
fn choose_server(arguments: &BundleArguments) -> Result<Server> {
    if !arguments.server.is_empty() {
        return arguments.setup.server(&arguments.server);
    }
    bundled::build(&CargoAfl::find_or_install()?, "the bundled server", &[])?;
    bundled::server(bundled::ConcurrencyModel::Epoll, false)
}

/// Returns the command line with the interpreter of a script as its program: the kernel would look for it where it was.
fn without_script(server: Server, inspection: &Inspection) -> Server {
    if !inspection.script {
        return server;
    }
    let script = server.program.clone().into_os_string();
    let arguments = std::iter::once(script).chain(server.arguments).collect();
    Server::new(inspection.executable.clone(), arguments).with_variables(server.variables)
}

/// Answers all seeds through the preload, and returns the options for the bundle and the seeds that harm nothing.
fn check<'a>(
    server: &Server,
    inspection: &Inspection,
    library: &Path,
    options: &PreloadOptions,
    seeds: &'a [Seed],
) -> Result<(PreloadOptions, Vec<&'a Seed>)> {
    note!("answering {} through the preload …", counted(seeds.len() as u64, "seed", "seeds"));
    let sandbox = Sandbox::prepare(options, library)?;
    let of_loop = &sandbox.options().with_crashes_of_the_loop();
    let config = RunConfig { server, library, options: of_loop, timeout: SEED_TIMEOUT };
    let checked = seeds::check(&config, inspection, seeds)?;
    checked.choice.iter().for_each(|choice| note!("{choice}"));
    let options = checked.apply(options);
    let SeedCheck { findings, .. } = checked;
    let is_finding = |index| findings.iter().any(|(finding, _)| *finding == index);
    if !findings.is_empty() {
        let left_out = counted(findings.len() as u64, "seed that ends or hangs", "seeds that end or hang");
        note!("left out: {left_out} the server (see sockfuzz check)");
    }
    let usable = seeds.iter().enumerate().filter(|(index, _)| !is_finding(*index));
    Ok((options, usable.map(|(_, seed)| seed).collect()))
}

/// Runs the plain server with all seeds under the tracer, and chooses the files that belong to it.
fn select(
    arguments: &BundleArguments,
    server: &Server,
    library: &Path,
    options: &PreloadOptions,
    seeds: &[&Seed],
) -> Result<Selection> {
    note!("watching which files the server uses …");
    let notes = tempfile::NamedTempFile::new()?;
    let config = RunConfig { server, library, options, timeout: SEED_TIMEOUT };
    let mut rest: Vec<_> = seeds.iter().map(|seed| seed.bytes.clone()).collect();
    for _ in 0..MAX_PROCESSES {
        let run = plain_run::run_by(&config, tracer::command(server, notes.path())?, &rest)?;
        // The seed after the last answered one ended the server, or was not answered.
        let done = (run.answers.len() + 1).min(rest.len());
        rest.drain(..done);
        if rest.is_empty() {
            break;
        }
    }
    if !rest.is_empty() {
        let unwatched = counted(rest.len() as u64, "seed was", "seeds were");
        note!("{unwatched} not watched, because the server kept ending; --include adds what only they need");
    }
    let mut accesses = Accesses::default();
    accesses.add_notes(&fs::read_to_string(notes.path())?);
    let own = [notes.path().to_owned(), library.to_owned()];
    let mut selection = Selection::choose(&accesses, &std::env::current_dir()?, &own)?;
    for path in &arguments.include {
        let path = normalized(&std::path::absolute(path)?);
        if !path.exists() {
            let what = format!("{} does not exist", path.display());
            return Err(Problem::failed(what, "give a file or a directory with --include").into());
        }
        selection.add_all_below(&path)?;
    }
    selection.directories.extend(options.parsed().writable.0);
    Ok(selection)
}

/// Writes the bundle beside its place, then gives it its name: it is complete as soon as it exists.
fn write(ingredients: &Ingredients<'_>, output: &Path) -> Result<BundleSummary> {
    note!("writing {} …", output.display());
    let parent = output.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
    let partial = tempfile::Builder::new().prefix(".sockfuzz-bundle-").tempdir_in(parent)?;
    let inner = partial.path().join("bundle");
    fs::create_dir(&inner)?;
    let summary = assembly::assemble(ingredients, &inner)?;
    rename(&inner, output)?;
    Ok(summary)
}

fn rename(from: &Path, output: &Path) -> Result<()> {
    fs::rename(from, output).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists | ErrorKind::DirectoryNotEmpty => existing(output).into(),
        _ => anyhow::Error::from(error).context(format!("cannot write {}", output.display())),
    })
}

fn report(output: &Path, name: &str, selection: &Selection, summary: &BundleSummary) {
    let shown = output.display();
    let files = counted(selection.files.len() as u64, "file", "files");
    println!("{shown}: {} in {} files", HumanBytes(summary.bytes), summary.files);
    println!("server  {files}, listed in manifest.json");
    println!("needs   the GNU C library {} or newer", summary.glibc);
    println!("run     {shown}/run -o out");
    println!("target  {shown}/{name}_fuzzer, for ClusterFuzz and AFL++'s tools");
}

fn refuse_existing(output: &Path) -> Result<(), Problem> {
    match fs::symlink_metadata(output) {
        Ok(_) => Err(existing(output)),
        Err(_) => Ok(()),
    }
}

fn existing(output: &Path) -> Problem {
    let shown = output.display();
    Problem::failed(format!("{shown} exists"), "choose another directory with -o, or remove that one")
}

fn name_of(program: &Path) -> Result<String> {
    let name = program.file_name().unwrap_or_default().to_string_lossy().replace('.', "_");
    valid_name(&name).map_err(|error| Problem::failed(error, "give a name with --name").into())
}

/// Accepts names that all tools take as a part of a file name.
fn valid_name(name: &str) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    match !name.is_empty() && name.bytes().all(is_plain) {
        true => Ok(name.to_owned()),
        false => Err(format!("\"{name}\" is no name of letters, digits, \"_\" and \"-\"")),
    }
}
