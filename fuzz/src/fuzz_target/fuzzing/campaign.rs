//! Campaign of afl-fuzz in a temporary directory.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use sockfuzz_launcher::sanitizers::ASAN;

use super::{FuzzEnd, FuzzRun, LAST_CRASHES_TIME};
use crate::campaign::cargo_afl::CargoAfl;
use crate::campaign::environment::{self, Setting};
use crate::campaign::instance::{CampaignPlan, choose_dictionary};
use crate::campaign::learning::Learning;
use crate::campaign::mutator::Mutator;
use crate::campaign::output_dir::OutputDir;
use crate::campaign::output_mode::OutputMode;
use crate::campaign::runner::{self, CampaignEnd};
use crate::fuzz_target::campaign_watch::{CampaignWatch, Sightings};
use crate::fuzz_target::log::Figures;
use crate::fuzz_target::unit::Unit;
use crate::server::status_file::StatusFile;
use crate::util::interrupt::Interrupted;
use crate::util::workspace;

/// Time limit of one execution. Inputs that exceed it are played with the given one, for which every execution would
/// otherwise have to wait.
const EXECUTION_TIMEOUT: Duration = Duration::from_secs(1);

/// Options that afl-fuzz demands of AddressSanitizer if any are set (AFL++'s src/afl-fuzz-init.c, `check_asan_opts`).
const ASAN_FOR_AFL: &str = ":abort_on_error=1:symbolize=0";

impl FuzzRun<'_> {
    /// Fuzzes with afl-fuzz, for a number of executions if one is given.
    pub(super) fn fuzz_with_afl(
        &self,
        units: &[Unit],
        executions: Option<u64>,
        figures: &mut Figures,
    ) -> Result<FuzzEnd> {
        let directory = tempfile::tempdir()?;
        let corpus = directory.path().join("corpus");
        fs::create_dir(&corpus)?;
        units.iter().try_for_each(|unit| unit.write_into(&corpus))?;
        let (seen, interrupted) = self.run_campaign(directory.path(), &corpus, executions, *figures)?;
        *figures = seen.figures;
        if let Some(found) = seen.confirmed {
            return Ok(FuzzEnd::Found(found));
        }
        if let Some(signal) = interrupted {
            return Err(signal.into());
        }
        let deadline = Instant::now() + LAST_CRASHES_TIME;
        let mut not_alone = seen.not_alone;
        for unit in seen.crashes {
            if Instant::now() < deadline
                && let Some(found) = self.play(&unit)?
            {
                return Ok(FuzzEnd::Found(found));
            }
            not_alone.push(unit);
        }
        Ok(not_alone.into_iter().next().map_or(FuzzEnd::Complete, FuzzEnd::NotAlone))
    }

    fn run_campaign(
        &self,
        directory: &Path,
        corpus: &Path,
        executions: Option<u64>,
        before: Figures,
    ) -> Result<(Sightings, Option<Interrupted>)> {
        let target = self.target;
        let out = OutputDir::validate(&directory.join("out"), &target.server)?.lock()?;
        let status = StatusFile::kept_at(&out.status())?;
        let dictionary = choose_dictionary(self.line.dictionary.clone(), workspace::bundled_dictionary()?)?;
        let learning = Learning::prepare(Mutator::Http, &target.inspection, &out)?;
        let mut settings = self.settings(&status, dictionary.as_deref())?;
        settings.extend(learning.settings());
        let cargo_afl = CargoAfl::find_or_install()?;
        let options = self.afl_options(executions);
        let plan = CampaignPlan {
            cargo_afl: &cargo_afl,
            settings: &settings,
            corpus,
            dictionary: dictionary.as_deref(),
            timeout: EXECUTION_TIMEOUT.min(self.line.timeout),
            cmplog: !target.inspection.is_uninstrumented(),
            histories: false,
            host: None,
            options: &options,
            server: &target.server,
        };
        let instances = plan.instances(self.line.instances, &out);
        let watch = CampaignWatch {
            out: &out,
            instances: instances.iter().map(|instance| instance.name.clone()).collect(),
            corpus: self.corpus,
            timeout: self.line.timeout,
            deadline: self.deadline,
            log: &self.log,
            before,
        };
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            let watching = scope.spawn(|| watch.watch(&is_over));
            let end = runner::run(&instances, &out, OutputMode::Logs, &status, None, None);
            is_over.store(true, Relaxed);
            let seen = watching.join().map_err(|_| anyhow!("the watch of the campaign has failed"))??;
            match end {
                Ok(CampaignEnd::Complete | CampaignEnd::Reached(_)) => Ok((seen, None)),
                Ok(CampaignEnd::Interrupted(signal)) => Ok((seen, Some(signal))),
                // An afl-fuzz that is asked to end while it starts may end with an error.
                Err(error) if self.is_late() || seen.confirmed.is_some() => {
                    eprintln!("INFO: sockfuzz: {error:#}");
                    Ok((seen, None))
                }
                Err(error) => Err(error),
            }
        })
    }

    fn settings(&self, status: &StatusFile, dictionary: Option<&Path>) -> Result<Vec<Setting>> {
        let target = self.target;
        let mut settings = environment::settings(
            &target.server,
            &target.library,
            target.options(),
            status,
            &target.inspection,
            OutputMode::Logs,
        );
        settings.extend(Mutator::Http.settings(dictionary)?);
        // Inputs that fail after others only are no reason to stop.
        settings.push(Setting::silent("AFL_IGNORE_SEED_PROBLEMS", "1"));
        settings.extend(env::var_os(ASAN).map(|mut options: OsString| {
            options.push(ASAN_FOR_AFL);
            Setting::silent(ASAN, options)
        }));
        Ok(settings)
    }

    fn afl_options(&self, executions: Option<u64>) -> Vec<String> {
        let line = self.line;
        let option = |name: &str, value: Option<u64>| {
            value.map(|value| [name.to_owned(), value.to_string()]).into_iter().flatten()
        };
        option("-E", executions)
            .chain(option("-s", line.seed.map(u64::from)))
            .chain(option("-G", line.max_len))
            .collect()
    }
}
