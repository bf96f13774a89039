//! Real servers that do not `bind` and `listen` on a TCP port: they inherit a listener, listen at a path, or get
//! a connection as stdin and stdout.

mod common;

use std::path::Path;

use assert_cmd::assert::Assert;
use common::{TestDir, free_port, installed};
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use sockfuzz::util::certificates::CertificateSet;

/// Creates a corpus of three requests, and a document for some of them.
fn dir_with_site() -> TestDir {
    let dir = TestDir::new();
    dir.write("www/index.html", b"<p>hello</p>\n");
    dir.corpus();
    dir.write("corpus/old", b"GET /index.html HTTP/1.0\r\n\r\n");
    dir.write("corpus/none", b"GET /none HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    dir
}

fn answers_as_over_tcp(dir: &TestDir, options: &[&str], program: &Path, arguments: &[&str]) -> Assert {
    dir.sockfuzz()
        .args(["check", "--timeout", "20", "-i", "corpus"])
        .args(options)
        .arg("--")
        .arg(program)
        .args(arguments)
        .assert()
        .code(0)
        .stdout(contains("3 seeds: answered as over TCP"))
}

#[test]
fn lighttpd_by_socket_activation() {
    let Some(program) = installed("lighttpd", "lighttpd") else { return };
    let dir = dir_with_site();
    let configuration = format!(
        "server.document-root = \"{}\"\nserver.systemd-socket-activation = \"enable\"\n\
         index-file.names = (\"index.html\")\n",
        dir.path("www").display()
    );
    dir.write("lighttpd.conf", configuration.as_bytes());
    for transport in ["unix", "tcp"] {
        let options = ["--socket-activation", "on", "--transport", transport];
        answers_as_over_tcp(&dir, &options, &program, &["-D", "-f", "lighttpd.conf"]);
    }
}

/// Checks nginx with these directives in its `server` block.
fn nginx_answers_as_over_tcp(dir: &TestDir, program: &Path, directives: &str, options: &[&str]) -> Assert {
    let temporary: String = ["client_body", "fastcgi", "proxy", "scgi", "uwsgi"]
        .map(|what| format!("{what}_temp_path {what};\n"))
        .concat();
    let configuration = format!(
        "daemon off; master_process off; pid nginx.pid; error_log stderr;\nevents {{}}\n\
         http {{ access_log off;\n{temporary}server {{ {directives} root www; }} }}\n"
    );
    dir.write("nginx.conf", configuration.as_bytes());
    let home = dir.path("").display().to_string();
    let arguments = ["-e", "stderr", "-p", &home, "-c", "nginx.conf"];
    // nginx writes its pid file and its temporary files there.
    answers_as_over_tcp(dir, &[options, &["--writable", &home]].concat(), program, &arguments)
}

#[test]
fn nginx_at_a_path() {
    let Some(program) = installed("nginx", "nginx-light") else { return };
    let dir = dir_with_site();
    let socket = dir.path("socket").display().to_string();
    nginx_answers_as_over_tcp(&dir, &program, &format!("listen unix:{socket};"), &["--port", &socket]);
    assert!(!dir.path("socket").exists(), "nothing is left at the path");
}

#[test]
fn nginx_with_a_plaintext_and_a_tls_listener() {
    let Some(program) = installed("nginx", "nginx-light") else { return };
    let dir = dir_with_site();
    CertificateSet::make(&dir.path("tls"), false).expect("certificates");
    let [plain, tls] = [free_port(), free_port()].map(|port| port.to_string());
    let directives = format!(
        "listen 127.0.0.1:{plain}; listen 127.0.0.1:{tls} ssl;\n\
         ssl_certificate tls/server.crt; ssl_certificate_key tls/server.key;\n"
    );
    let check = |options: &[&str]| nginx_answers_as_over_tcp(&dir, &program, &directives, options);
    let (speaks_tls, chooses) =
        (|| contains("the server speaks TLS 1.2"), || contains("--port PORT chooses one"));
    check(&["--port", &plain]).stdout(speaks_tls().or(chooses()).not());
    check(&["--port", &tls]).stdout(speaks_tls().and(chooses().not()));
    // Without a choice, it is the one that the server makes first.
    let listeners =
        format!("the server listens on port {plain} first, which gets the inputs, and on {tls}: ");
    check(&[]).stdout(contains(listeners).and(chooses()).and(speaks_tls().not()));
}

/// micro-httpd is an inetd-style server, which reads its connection with stdio streams.
#[test]
fn micro_httpd_as_a_child_of_socat() {
    let (Some(socat), Some(server)) = (installed("socat", "socat"), installed("micro-httpd", "micro-httpd"))
    else {
        return;
    };
    let dir = dir_with_site();
    let listen = format!("TCP-LISTEN:{},bind=127.0.0.1,reuseaddr,fork", free_port());
    let execute = format!("EXEC:{} {},nofork", server.display(), dir.path("www").display());
    answers_as_over_tcp(&dir, &[], &socat, &[&listen, &execute]);
}
