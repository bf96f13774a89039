//! Answers and logs the iteration order of hash maps, one line per request: in the thread that accepts and, with
//! TARGET_THREADS, in a thread that lives as long and in a thread for the request.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc;
use std::thread;

fn order() -> String {
    let map: HashMap<u32, ()> = (0..16).map(|number| (number, ())).collect();
    map.keys().map(|number| format!("{number:x}")).collect()
}

fn main() {
    // Some servers create hash maps before they serve.
    let before = std::env::var_os("TARGET_EARLY").map(|_| order());
    let (ask, asked) = mpsc::channel::<()>();
    let (tell, told) = mpsc::channel();
    let has_threads = std::env::var_os("TARGET_THREADS").is_some();
    if has_threads {
        thread::spawn(move || asked.iter().for_each(|()| tell.send(order()).expect("a receiver")));
    }
    for connection in TcpListener::bind("127.0.0.1:8101").expect("bound").incoming() {
        let mut connection = connection.expect("accepted");
        assert_ne!(connection.read(&mut [0; 4096]).expect("read"), 0);
        let mut line = format!("{} {}", before.as_deref().unwrap_or_default(), order());
        if has_threads {
            ask.send(()).expect("a live thread");
            line += &format!(" {}", told.recv().expect("an answer"));
            line += &format!(" {}", thread::spawn(order).join().expect("no panic"));
        }
        line += "\n";
        if let Some(log) = std::env::var_os("TARGET_LOG") {
            let file = OpenOptions::new().append(true).create(true).open(log);
            file.expect("opened").write_all(line.as_bytes()).expect("logged");
        }
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", line.len());
        let _gone = connection.write_all((head + &line).as_bytes());
    }
}
