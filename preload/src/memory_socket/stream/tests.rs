//! Streams behave like the kernel's.

use std::alloc::Layout;

use super::*;

fn stream() -> Box<MemoryStream> {
    // The stream is too large for a test's stack.
    // SAFETY: the memory comes from the global allocator with this layout, and all zeroes is a valid stream.
    let mut stream: Box<MemoryStream> =
        unsafe { Box::from_raw(std::alloc::alloc_zeroed(Layout::new::<MemoryStream>()).cast()) };
    stream.open(Connection::ALL[0], false);
    stream.accept(false);
    stream
}

fn receive(stream: &mut MemoryStream, room: usize, peek: bool) -> Result<Vec<u8>, Errno> {
    let mut buffer = vec![0; room];
    let part = iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: room };
    // SAFETY: the part covers the buffer, which nothing else uses.
    let count = unsafe { stream.receive(&[Unaligned::new(part)], peek) }?;
    buffer.truncate(count);
    Ok(buffer)
}

#[test]
fn bytes_arrive_in_order_and_then_the_end() {
    let mut stream = stream();
    assert_eq!(receive(&mut stream, 4, false), Err(Errno::AGAIN));
    assert_eq!(stream.send(b"hello"), Some(5));
    assert_eq!(receive(&mut stream, 2, true).as_deref(), Ok(&b"he"[..]));
    assert_eq!(receive(&mut stream, 4, false).as_deref(), Ok(&b"hell"[..]));
    stream.half_close();
    assert_eq!(receive(&mut stream, 4, false).as_deref(), Ok(&b"o"[..]));
    assert_eq!(receive(&mut stream, 4, false).as_deref(), Ok(&b""[..]));
}

#[test]
fn a_full_stream_takes_as_much_as_was_read() {
    let mut stream = stream();
    assert_eq!(stream.send(&vec![1; CAPACITY_BYTES]), Some(CAPACITY_BYTES));
    assert_eq!(stream.send(&[2; 3]), Some(0));
    assert_eq!(receive(&mut stream, 2, false).as_deref(), Ok(&[1, 1][..]));
    assert_eq!(stream.send(&[2; 3]), Some(2));
    assert_eq!(receive(&mut stream, CAPACITY_BYTES, false).map(|all| all.ends_with(&[1, 2, 2])), Ok(true));
}

#[test]
fn readiness_follows_half_close_and_shutdown() {
    let has = |stream: &MemoryStream, events: i32| stream.readiness() & events as u32 == events as u32;
    let mut stream = stream();
    assert!(has(&stream, libc::EPOLLOUT) && !has(&stream, libc::EPOLLIN));
    stream.half_close();
    assert!(has(&stream, libc::EPOLLIN | libc::EPOLLRDHUP) && !has(&stream, libc::EPOLLHUP));
    stream.shutdown(false, true);
    assert!(has(&stream, libc::EPOLLHUP));
    assert!(!stream.is_writable());
}

#[test]
fn a_reset_is_reported_once_after_all_bytes() {
    let mut stream = stream();
    stream.send(b"half");
    assert!(!stream.reset());
    let errors = |stream: &MemoryStream| stream.readiness() & libc::EPOLLERR as u32 != 0;
    let all = (libc::EPOLLIN | libc::EPOLLHUP | libc::EPOLLRDHUP | libc::EPOLLERR) as u32;
    assert_eq!(stream.readiness() & all, all);
    assert_eq!(receive(&mut stream, 9, false).as_deref(), Ok(&b"half"[..]));
    assert_eq!(receive(&mut stream, 9, false), Err(Errno::CONNRESET));
    assert_eq!(receive(&mut stream, 9, false).as_deref(), Ok(&b""[..]));
    assert!(!errors(&stream));
}

#[test]
fn an_unaccepted_connection_ends_with_its_client() {
    let mut stream = stream();
    assert!(!stream.hang_up());
    stream.open(Connection::ALL[0], false);
    assert!(stream.hang_up());
    assert_eq!(stream.send(b"x"), None);
}
