//! Tiny C servers, one per behaviour, and the sockfuzz command to run on them.

// Each test file compiles this module for itself and uses only a part of it.
#![allow(dead_code, unreachable_pub)]

pub mod forkserver_client;
pub mod history_target;
pub mod loop_target;
pub mod victims;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use clap::ValueEnum;
use sockfuzz::campaign::bundled::ConcurrencyModel;
use sockfuzz::campaign::cargo_afl::CargoAfl;
use sockfuzz::recipe::{Home, Recipe};
use sockfuzz::util::workspace::Workspace;
use tempfile::TempDir;

/// Temporary directory of one test, for the programs that it compiles and the files that it writes.
pub struct TestDir {
    directory: TempDir,
}

impl TestDir {
    /// Creates an empty directory.
    pub fn new() -> Self {
        Self::new_in(tempfile::tempdir().expect("tempdir"))
    }

    /// Uses the given directory.
    pub fn new_in(directory: TempDir) -> Self {
        Self { directory }
    }

    /// Creates an empty directory outside of all directories for temporary files, which the sandbox makes private.
    pub fn not_temporary() -> Self {
        let is_temporary =
            |path: &Path| ["/tmp", "/var/tmp", "/dev/shm"].iter().any(|it| path.starts_with(it));
        let home = std::env::var_os("HOME").map(PathBuf::from);
        [Some(PathBuf::from(env!("CARGO_TARGET_TMPDIR"))), home, Some("/".into())]
            .into_iter()
            .flatten()
            .filter(|path| !is_temporary(path))
            .find_map(|path| tempfile::tempdir_in(path).ok())
            .map(Self::new_in)
            .expect("a directory that is not for temporary files")
    }

    /// Returns a path below the directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Compiles `tests/servers/NAME.c`.
    pub fn server(&self, name: &str) -> PathBuf {
        self.server_with(name, &[])
    }

    /// Compiles `tests/servers/NAME.c` with further flags.
    pub fn server_with(&self, name: &str, flags: &[&str]) -> PathBuf {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/servers/{name}.c"));
        let program = self.path(name);
        let status = Command::new("cc")
            .args(["-Wall", "-g", "-o"])
            .arg(&program)
            .args(flags)
            .arg(source)
            .status()
            .expect("a C compiler is installed");
        assert!(status.success(), "{name}.c compiles");
        program
    }

    /// Compiles `tests/servers/NAME.c` with AFL++'s instrumentation; `None` if clang is missing.
    pub fn instrumented_server(&self, name: &str, cargo_afl: &CargoAfl) -> Option<PathBuf> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/servers/{name}.c"));
        self.instrumented(&source, cargo_afl)
    }

    /// Compiles a server in C with AFL++'s instrumentation; `None` if clang is missing.
    pub fn instrumented(&self, source: &Path, cargo_afl: &CargoAfl) -> Option<PathBuf> {
        self.instrumented_with(source, &[], cargo_afl)
    }

    /// The same with further libraries.
    pub fn instrumented_with(
        &self,
        source: &Path,
        libraries: &[&str],
        cargo_afl: &CargoAfl,
    ) -> Option<PathBuf> {
        let clang = installed("clang", "clang")?;
        let program = self.path("").join(source.file_stem().expect("a name"));
        let status = Command::new(clang)
            .args(["-g", "-O1", "-pthread", "-fsanitize-coverage=trace-pc-guard", "-o"])
            .arg(&program)
            .arg(source)
            .arg(runtime(cargo_afl))
            .args(["-ldl", "-lrt", "-lm"])
            .args(libraries)
            .status()
            .expect("clang starts");
        assert!(status.success(), "{} compiles", source.display());
        Some(program)
    }

    /// Compiles one of the preload's target programs with a compiler and its flags; `None` if the
    /// compiler is missing.
    pub fn target(&self, name: &str, compiler: &str, flags: &[&str]) -> Option<PathBuf> {
        let compiler = installed(compiler, compiler)?;
        let program = self.path(name);
        let status = Command::new(compiler)
            .args(["-g", "-O1", "-pthread", "-o"])
            .arg(&program)
            .args(flags)
            .arg(workspace().path(&format!("preload/tests/targets/{name}.c")))
            .status()
            .expect("it starts");
        assert!(status.success(), "{name}.c compiles");
        Some(program)
    }

    /// Compiles one of the preload's target programs with AFL++'s runtime, for the loop.
    pub fn loop_target(&self, name: &str, compiler: &str, flags: &[&str], cargo_afl: &CargoAfl) -> PathBuf {
        let runtime = runtime(cargo_afl).display().to_string();
        let flags = [flags, &[&runtime]].concat();
        self.target(name, compiler, &flags).expect("a C compiler is installed")
    }

    /// Compiles one of the preload's target programs that is written in Rust.
    pub fn rust_target(&self, name: &str, flags: &[&str]) -> PathBuf {
        self.rust_target_with(name, flags, &[])
    }

    /// Compiles such a program, with variables for rustc.
    pub fn rust_target_with(&self, name: &str, flags: &[&str], variables: &[(&str, &str)]) -> PathBuf {
        let program = self.path(name);
        let status = Command::new(Path::new(env!("CARGO")).with_file_name("rustc"))
            .envs(variables.iter().copied())
            .args(["--edition=2024", "-O", "-o"])
            .arg(&program)
            .args(flags)
            .arg(workspace().path(&format!("preload/tests/targets/{name}.rs")))
            .status()
            .expect("rustc starts");
        assert!(status.success(), "{name}.rs compiles");
        program
    }

    /// Writes a file, and creates its directories.
    pub fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("has a parent")).expect("mkdir");
        fs::write(&path, content).expect("write");
        path
    }

    /// Creates a corpus of one plain request, and returns its path.
    pub fn corpus(&self) -> PathBuf {
        self.write("corpus/get", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        self.path("corpus")
    }

    /// Returns the sockfuzz command, with this directory as its working directory.
    pub fn sockfuzz(&self) -> assert_cmd::Command {
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_sockfuzz"));
        command.current_dir(self.directory.path()).timeout(std::time::Duration::from_secs(300));
        command
    }
}

/// Reserves the fixed port of the preload's target programs. A test holds it while it may start one without the preload
/// (`check`, `fuzz` and `triage` do), because only the preload keeps them from binding it.
pub fn fixed_port() -> MutexGuard<'static, ()> {
    static PORT: Mutex<()> = Mutex::new(());
    PORT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the path of a program that the machine may lack; `None` if the test has to be skipped. In CI, a missing
/// program is a failure; elsewhere, a message names the package to install.
pub fn installed(program: &str, package: &str) -> Option<PathBuf> {
    let found = which::which_in(program, Some("/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin"), "/").ok();
    if found.is_none() {
        skip(&format!("{program} is not installed: apt-get install {package}"));
    }
    found
}

/// Prints why a test is skipped; fails in CI, where no test may be skipped.
pub fn skip(reason: &str) {
    assert!(std::env::var_os("CI").is_none(), "{reason}");
    eprintln!("skipped: {reason}");
}

/// Imports a file of this name into `out`, and returns the printed text. Fails if the import fails.
pub fn imports(dir: &TestDir, name: &str, content: &[u8], options: &[&str]) -> String {
    dir.write(name, content);
    let mut command = dir.sockfuzz();
    command.args(["corpus", "import", name, "-o", "out"]).args(options);
    let output = command.assert().code(0).get_output().stdout.clone();
    String::from_utf8(output).expect("text")
}

/// Whether this machine allows the whole sandbox; if not, the test has to be skipped. (In a chroot, for example, an
/// ordinary user may create no user namespace.)
pub fn allows_sandbox(dir: &TestDir) -> bool {
    let probe = ["run", "--sandbox", "require", "--", "/bin/true"];
    let output = dir.sockfuzz().args(probe).output().expect("runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let gap = said.lines().find(|line| line.contains("the sandbox is required, but on this machine"));
    gap.into_iter().for_each(skip);
    gap.is_none()
}

/// Returns the source tree.
pub fn workspace() -> Workspace {
    Workspace::find().expect("tests run in the workspace")
}

/// Returns the bundled program that has the model, or its variant with planted bugs.
pub fn program_with(model: &str, planted: bool) -> &'static str {
    ConcurrencyModel::from_str(model, false).expect("a model").program(planted)
}

/// Builds a bundled server with instrumentation, and returns its path.
pub fn bundled(program: &str) -> PathBuf {
    let workspace = workspace();
    let target = workspace.target("afl");
    let status = CargoAfl::find_or_install()
        .expect("cargo-afl")
        .command()
        .current_dir(workspace.path(""))
        .args(["build", "--release", "--quiet", "--package", "sockfuzz-harness", "--target-dir"])
        .arg(&target)
        .status()
        .expect("cargo-afl starts");
    assert!(status.success(), "the bundled server compiles");
    target.join("release").join(program)
}

/// Builds a real server with instrumentation, by the first row of its recipe; `None` if the test has to be skipped.
pub fn real_server(name: &str) -> Option<Home> {
    let workspace = workspace();
    let recipes = Recipe::all(&workspace).expect("recipes");
    let recipe = recipes.iter().find(|recipe| recipe.name == name).expect("a recipe");
    let row = recipe.rows.first().expect("a row");
    let built = CargoAfl::find_or_install().and_then(|cargo_afl| recipe.build(&workspace, &cargo_afl));
    if let Err(problem) = built {
        skip(&format!("{name}: {problem:#}"));
        return None;
    }
    Some(Home::render(&workspace, recipe, row, recipe.built_program(&workspace, row)).expect("rendered"))
}

/// Returns the object file of AFL++'s runtime, to be linked into a server.
pub fn runtime(cargo_afl: &CargoAfl) -> PathBuf {
    let data = cargo_afl
        .environment()
        .find(|(name, _)| *name == "XDG_DATA_HOME")
        .map(|(_, value)| PathBuf::from(value))
        .or_else(|| std::env::var_os("XDG_DATA_HOME").map(PathBuf::from))
        .or_else(|| std::env::home_dir().map(|home| home.join(".local/share")))
        .expect("a home directory");
    find(&data.join("afl.rs"), "afl-llvm/afl-compiler-rt.o", 3).expect("cargo-afl's runtime")
}

/// Returns the first file `name` below `directory`, at most `depth` directories down.
fn find(directory: &Path, name: &str, depth: u32) -> Option<PathBuf> {
    let here = directory.join(name);
    if here.exists() {
        return Some(here);
    }
    let below = fs::read_dir(directory).ok()?.flatten().filter(|_| depth > 0);
    below.into_iter().find_map(|entry| find(&entry.path(), name, depth - 1))
}

/// Returns a port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback");
    listener.local_addr().expect("bound").port()
}

/// Returns one value of an instance's `fuzzer_stats` file.
pub fn stat(output: &Path, instance: &str, name: &str) -> f64 {
    let file = output.join(instance).join("fuzzer_stats");
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let value = text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim().trim_end_matches('%'))
    });
    value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no number {name} in:\n{text}"))
}
