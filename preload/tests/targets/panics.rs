//! Catches a panic of the thread for each request.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

#[inline(never)]
fn parse(request: &[u8], at: usize) -> u8 {
    request[at]
}

#[inline(never)]
fn answer(request: &[u8]) -> String {
    let first = std::hint::black_box(parse(request, request.len()));
    format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{first}")
}

fn main() {
    for connection in TcpListener::bind("127.0.0.1:8101").expect("bound").incoming() {
        let mut connection = connection.expect("accepted");
        let mut request = [0; 4096];
        let length = connection.read(&mut request).expect("read");
        let _caught = thread::spawn(move || {
            let _gone = connection.write_all(answer(&request[..length]).as_bytes());
        })
        .join();
    }
}
