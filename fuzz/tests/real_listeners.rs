//! Real servers that do not `bind` and `listen` on a TCP port: they inherit a listener, listen at a path, or get
//! a connection as stdin and stdout.

mod common;

use std::path::Path;

use common::{TestDir, free_port, installed};
use predicates::str::contains;

/// Creates a corpus of three requests, and a document for some of them.
fn dir_with_site() -> TestDir {
    let dir = TestDir::new();
    dir.write("www/index.html", b"<p>hello</p>\n");
    dir.corpus();
    dir.write("corpus/old", b"GET /index.html HTTP/1.0\r\n\r\n");
    dir.write("corpus/none", b"GET /none HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    dir
}

fn answers_as_over_tcp(dir: &TestDir, options: &[&str], program: &Path, arguments: &[&str]) {
    dir.sockfuzz()
        .args(["check", "--timeout", "20", "-i", "corpus"])
        .args(options)
        .arg("--")
        .arg(program)
        .args(arguments)
        .assert()
        .code(0)
        .stdout(contains("3 seeds: answered as over TCP"));
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

#[test]
fn nginx_at_a_path() {
    let Some(program) = installed("nginx", "nginx-light") else { return };
    let dir = dir_with_site();
    let socket = dir.path("socket").display().to_string();
    let temporary: String = ["client_body", "fastcgi", "proxy", "scgi", "uwsgi"]
        .map(|what| format!("{what}_temp_path {what};\n"))
        .concat();
    let configuration = format!(
        "daemon off; master_process off; pid nginx.pid; error_log stderr;\nevents {{}}\n\
         http {{ access_log off;\n{temporary}server {{ listen unix:{socket}; root www; }} }}\n"
    );
    dir.write("nginx.conf", configuration.as_bytes());
    let home = dir.path("").display().to_string();
    let arguments = ["-e", "stderr", "-p", &home, "-c", "nginx.conf"];
    // nginx writes its pid file and its temporary files there.
    answers_as_over_tcp(&dir, &["--port", &socket, "--writable", &home], &program, &arguments);
    assert!(!dir.path("socket").exists(), "nothing is left at the path");
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
