//! Answers over real TCP of servers that speak TLS. One test, because the end of a server here is the end of all that this
//! process has started.

mod common;

use std::fs;
use std::path::Path;
use std::time::Duration;

use common::{skip, workspace};
use sockfuzz::options::PreloadOptions;
use sockfuzz::recipe::{Home, Recipe};
use sockfuzz::server::single_run::RunConfig;
use sockfuzz::server::tcp_run::over_tcp;

/// Returns the answer of a server as its distribution has it, or `None` if it is not installed.
fn answer(name: &str, row: &str, input: &[u8]) -> Option<Vec<u8>> {
    let recipes = Recipe::all(&workspace()).expect("recipes");
    let recipe = recipes.iter().find(|recipe| recipe.name == name).expect("a recipe");
    let row = recipe.rows.iter().find(|it| it.name == row).expect("a row");
    let program = match recipe.system_program().expect("the recipe names one") {
        Ok(program) => program,
        Err(problem) => {
            skip(&problem.to_string());
            return None;
        }
    };
    let home = Home::render(&workspace(), recipe, row, program).expect("rendered");
    let config = RunConfig {
        server: &home.server,
        library: Path::new("unused"),
        options: &PreloadOptions::default(),
        timeout: Duration::from_secs(20),
    };
    let run = over_tcp(&config, input, false).expect("served");
    assert!(!run.answers.timed_out && run.end.is_none());
    Some(run.answer())
}

#[test]
fn inputs_are_plaintext_for_a_server_with_tls() {
    let request = b"GET /notes.txt HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-9\r\n\r\n";
    for (name, plain) in [("nginx", "epoll"), ("haproxy", "epoll"), ("node", "http")] {
        let Some(answer_in_tls) = answer(name, "tls", request) else { continue };
        let body = |answer: &[u8]| {
            let end = memchr::memmem::find(answer, b"\r\n\r\n").expect("a whole head");
            assert!(answer.starts_with(b"HTTP/1.1 "), "{name}: {}", answer.escape_ascii());
            answer[end..].to_vec()
        };
        let answer_in_plaintext = answer(name, plain, request).expect("the same program");
        assert_eq!(body(&answer_in_tls), body(&answer_in_plaintext), "{name}");
    }

    let seed = fs::read(workspace().path("corpus/http2/get-simple")).expect("a seed");
    for name in ["nginx", "haproxy", "node"] {
        let Some(framed) = answer(name, "tls", &seed) else { continue };
        // The preface of a server is a frame with its settings (RFC 9113, section 3.4).
        assert_eq!(framed.get(3..5), Some(&[4, 0][..]), "{name}: {}", framed.escape_ascii());
    }
}
