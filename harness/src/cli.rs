//! The command line of the bundled servers.
//!
//! The parser is small on purpose: all code of a server is instrumented, and AFL++ scans the whole coverage map
//! after every input.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::exit;

use anyhow::{Context, Result};
use lexopt::prelude::{Long, Short, ValueExt};

use crate::Site;
use crate::models::Model;

/// Options of a bundled server.
#[derive(Debug)]
pub struct Cli {
    model: &'static Model,
    listen: SocketAddr,
    threads: u16,
    access_log: Option<PathBuf>,
}

impl Cli {
    /// Parses the arguments of this process, for a server with these models. For `--help`, `--version` and
    /// invalid arguments, prints a message and exits.
    #[must_use]
    pub fn parse(models: &'static [Model]) -> Self {
        Self::from(lexopt::Parser::from_env(), models).unwrap_or_else(|error| {
            eprintln!("error: {error}\n\nSee --help.");
            exit(2)
        })
    }

    fn from(mut arguments: lexopt::Parser, models: &'static [Model]) -> Result<Self, lexopt::Error> {
        let mut this = Self {
            model: &models[0],
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            threads: 4,
            access_log: None,
        };
        while let Some(argument) = arguments.next()? {
            match argument {
                Long("model") => {
                    this.model = arguments.value()?.parse_with(|name| Model::find(models, name))?
                }
                Long("listen") => this.listen = arguments.value()?.parse()?,
                Long("threads") => this.threads = arguments.value()?.parse()?,
                Long("access-log") => this.access_log = Some(arguments.value()?.into()),
                Short('h') | Long("help") => {
                    print!("{}", help(models));
                    exit(0)
                }
                Short('V') | Long("version") => {
                    println!("{} {}", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
                    exit(0)
                }
                other => return Err(other.unexpected()),
            }
        }
        if !(1..=1024).contains(&this.threads) {
            return Err("--threads takes 1 to 1024".into());
        }
        Ok(this)
    }

    /// Listens, prints the address to stderr, and serves `site`.
    ///
    /// # Errors
    /// Fails if the address cannot be bound, the log cannot be opened, or the listener fails later.
    pub fn serve(self, mut site: Site) -> Result<()> {
        if let Some(path) = &self.access_log {
            let log = File::options().create(true).append(true).open(path);
            site = site.logged(log.with_context(|| format!("cannot write {}", path.display()))?);
        }
        let listener = TcpListener::bind(self.listen).with_context(|| {
            format!("cannot listen on {}: choose another address with --listen", self.listen)
        })?;
        eprintln!("listening on {}", listener.local_addr()?);
        self.model.serve(listener, site, self.threads.into()).context("the listener failed")
    }
}

fn help(models: &[Model]) -> String {
    let names: String =
        models.iter().map(|model| format!("      {:<22} {}\n", model.name, model.meaning)).collect();
    format!(
        "A small HTTP/1.1 server. Serves a handful of routes (GET / lists them) until it is killed.

Options:
  --model MODEL          How connections are handled [default: {}]
{names}  --listen ADDR:PORT     Where to listen; port 0 lets the system choose [default: 127.0.0.1:8080]
  --threads N            Number of threads, for models that fix it, 1 to 1024 [default: 4]
  --access-log FILE      Append the target of every request to this file, one per line
  -h, --help
  -V, --version
",
        models[0].name
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::SYNC;

    fn parse(arguments: &[&str]) -> Result<Cli, lexopt::Error> {
        Cli::from(lexopt::Parser::from_args(arguments), SYNC)
    }

    #[test]
    fn options_have_defaults_and_limits() {
        let cli = parse(&[]).expect("all options are optional");
        assert_eq!((cli.model.name, cli.threads), ("epoll", 4));
        let cli = parse(&["--model=pool", "--threads", "7", "--listen", "[::1]:0"]).expect("valid");
        assert_eq!((cli.model.name, cli.threads, cli.listen.port()), ("pool", 7, 0));
        for wrong in [&["--threads", "0"][..], &["--model", "none"], &["--listen", "8080"], &["more"]] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn help_names_every_model() {
        let help = help(SYNC);
        assert!(SYNC.iter().all(|model| help.contains(model.name)));
    }
}
