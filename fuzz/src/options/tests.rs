use clap::{CommandFactory, Parser};

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

#[test]
fn flags_become_variables() {
    let options = options_of(&["--transport", "tcp", "--port", "80"]).expect("valid");
    let variables: Vec<_> = options.variables().collect();
    assert_eq!(variables, [("SOCKFUZZ_TRANSPORT", "tcp"), ("SOCKFUZZ_PORT", "80")]);
}

#[test]
fn writable_directories_add_up_and_become_absolute() {
    let options = options_of(&["--writable", "/a:/b", "--writable", "c"]).expect("valid");
    let here = std::env::current_dir().expect("a working directory");
    let list = format!("/a:/b:{}/c", here.display());
    assert_eq!(options.variables().collect::<Vec<_>>(), [("SOCKFUZZ_WRITABLE", list.as_str())]);
}

#[test]
fn a_value_that_the_preload_would_refuse_is_refused_here() {
    let error = options_of(&["--transport", "carrier-pigeon"]).expect_err("unknown");
    assert!(error.to_string().contains("give auto|unix|tcp"), "{error}");
}

#[test]
fn seconds_are_positive() {
    assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
    for wrong in ["0", "-1", "NaN", "soon"] {
        assert!(seconds(wrong).is_err(), "{wrong}");
    }
}
