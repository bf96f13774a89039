//! Tests of the flags, their former names, and former variables.

use clap::{CommandFactory, Parser};
use sockfuzz_protocol::{SandboxMode, Switch};

use super::*;

#[derive(Debug, Parser)]
struct TestCommand {
    #[command(flatten)]
    preload: PreloadArguments,
}

fn matches_of(arguments: &[&str]) -> Result<ArgMatches, clap::Error> {
    TestCommand::command().try_get_matches_from([&["sockfuzz"], arguments].concat())
}

fn options_of(arguments: &[&str]) -> Result<PreloadOptions, clap::Error> {
    Ok(TestCommand::from_arg_matches(&matches_of(arguments)?)?.preload.options)
}

/// Options without flags, in an environment with these variables.
fn options_in(environment: &[(&str, &str)]) -> PreloadOptions {
    let lookup = |name: &str| environment.iter().find(|(variable, _)| *variable == name);
    PreloadOptions::collect(|_| None, |name| lookup(name).map(|(_, value)| (*value).to_owned()))
}

#[test]
fn flags_become_variables() {
    let options = options_of(&["--transport", "tcp", "--port", "80"]).expect("valid");
    let variables: Vec<_> = options.variables().collect();
    assert_eq!(variables, [("SOCKFUZZ_TRANSPORT", "tcp"), ("SOCKFUZZ_PORT", "80")]);
}

#[test]
fn writable_directories_accumulate_and_become_absolute() {
    let options = options_of(&["--writable", "/a:/b", "--writable", "c"]).expect("valid");
    let here = std::env::current_dir().expect("a working directory");
    let list = format!("/a:/b:{}/c", here.display());
    assert_eq!(options.variables().collect::<Vec<_>>(), [("SOCKFUZZ_WRITABLE", list.as_str())]);
}

#[test]
fn relocations_accumulate_and_their_new_paths_become_absolute() {
    let options = options_of(&["--relocate", "/a=/b:/c=d", "--relocate", "/e=/f"]).expect("valid");
    let here = std::env::current_dir().expect("a working directory");
    let list = format!("/a=/b:/c={}/d:/e=/f", here.display());
    assert_eq!(options.variables().collect::<Vec<_>>(), [("SOCKFUZZ_RELOCATE", list.as_str())]);
    let error = options_of(&["--relocate", "a=b"]).expect_err("the server's path is relative");
    assert!(error.to_string().contains("\"a\" is not an absolute path"), "{error}");
}

#[test]
fn values_that_the_preload_refuses_are_refused() {
    let error = options_of(&["--transport", "carrier-pigeon"]).expect_err("unknown");
    assert!(error.to_string().contains("give auto|unix|tcp"), "{error}");
}

#[test]
fn former_flags_set_the_new_variables() {
    let options = options_of(&["--settle", "off", "--rest", "on", "--seat-belt", "require"]).expect("valid");
    let variables: Vec<_> = options.variables().collect();
    assert_eq!(
        variables,
        [("SOCKFUZZ_RERUN", "off"), ("SOCKFUZZ_ADVANCE_CLOCK", "on"), ("SOCKFUZZ_SANDBOX", "require")]
    );
}

#[test]
fn former_flags_are_reported_with_the_new_ones() {
    let matches = matches_of(&["--settle", "off", "--seat-belt", "off", "--gate", "on"]).expect("valid");
    let notices: Vec<_> = former_flag_notices(&matches).collect();
    assert_eq!(
        notices,
        [
            "sockfuzz: --settle is now --rerun; the next release removes the former name",
            "sockfuzz: --seat-belt is now --sandbox; the next release removes the former name",
        ]
    );
}

#[test]
fn a_former_flag_conflicts_with_the_new_one() {
    for [former, new] in
        [["--settle", "--rerun"], ["--rest", "--advance-clock"], ["--seat-belt", "--sandbox"]]
    {
        let error = options_of(&[former, "off", new, "off"]).expect_err("two names of one option");
        assert_eq!(error.kind(), clap::error::ErrorKind::ArgumentConflict, "{former}");
    }
}

#[test]
fn former_flags_are_hidden_and_checked() {
    let help = TestCommand::command().render_long_help().to_string();
    assert!(help.contains("--rerun") && !help.contains("--settle"), "{help}");
    assert!(options_of(&["--settle", "sometimes"]).is_err());
}

#[test]
fn a_former_variable_is_translated() {
    let options = options_in(&[("SOCKFUZZ_SEAT_BELT", "require")]);
    assert_eq!(options.variables().collect::<Vec<_>>(), [("SOCKFUZZ_SANDBOX", "require")]);
    let options = options.with_default(&specs::SANDBOX, &SandboxMode::Auto.to_string());
    assert_eq!(
        options.parsed().sandbox,
        SandboxMode::Require,
        "a default does not replace the former variable"
    );
}

#[test]
fn the_new_variable_has_precedence_over_the_former_one() {
    let options = options_in(&[("SOCKFUZZ_SETTLE", "off"), ("SOCKFUZZ_RERUN", "on")]);
    assert_eq!(options.variables().next(), None, "the environment is left unchanged");
    let options = options_in(&[("SOCKFUZZ_SETTLE", "off")]).with(specs::RERUN.variable, "on".to_owned());
    assert_eq!(options.parsed().rerun, Switch::On);
    assert_eq!(options.variables().collect::<Vec<_>>(), [("SOCKFUZZ_RERUN", "on")]);
}

#[test]
fn former_variables_are_reported_with_the_new_ones() {
    let notices = |set: &[&str]| former_variable_notices(|name| set.contains(&name)).collect::<Vec<_>>();
    assert_eq!(
        notices(&["SOCKFUZZ_REST"]),
        ["sockfuzz: SOCKFUZZ_REST is now SOCKFUZZ_ADVANCE_CLOCK; the next release removes the former name"]
    );
    assert!(notices(&["SOCKFUZZ_REST", "SOCKFUZZ_ADVANCE_CLOCK"]).is_empty());
}

#[test]
fn seconds_are_positive() {
    assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
    for wrong in ["0", "-1", "NaN", "soon"] {
        assert!(seconds(wrong).is_err(), "{wrong}");
    }
}
