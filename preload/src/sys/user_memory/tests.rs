//! Checks follow how the memory is mapped.

use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect};

use super::*;

/// Address below all that the kernel maps by itself. Elsewhere, the table may know a block by what another test has had there.
static NEXT_ADDRESS: AtomicUsize = AtomicUsize::new(16 << 30);

/// Three pages: writable, readable, neither.
fn pages() -> *mut u8 {
    let page = page_bytes();
    let wanted = NEXT_ADDRESS.fetch_add(3 * page, Relaxed);
    // SAFETY: nothing is mapped at this address, or the call fails, and only this test uses the pages.
    unsafe {
        let first = mmap_anonymous(
            ptr::without_provenance_mut(wanted),
            3 * page,
            ProtFlags::READ | ProtFlags::WRITE,
            MapFlags::PRIVATE | MapFlags::FIXED_NOREPLACE,
        )
        .expect("pages");
        mprotect(first.byte_add(page), page, MprotectFlags::READ).expect("mprotect");
        mprotect(first.byte_add(2 * page), page, MprotectFlags::empty()).expect("mprotect");
        first.cast()
    }
}

#[test]
fn ranges_are_accessible_as_they_are_mapped() {
    let (first, page) = (pages(), page_bytes());
    for _once_more_from_the_table in 0..2 {
        assert!(is_readable(first, 2 * page));
        assert!(is_writable(first, page));
        assert!(!is_readable(first.wrapping_add(2 * page - 1), 2));
        assert!(!is_writable(first.wrapping_add(page - 1), 2));
    }
    assert!(is_readable_page(first.addr() + page));
    assert!(!is_readable_page(first.addr() + 2 * page));
}

#[test]
fn blocks_that_share_a_slot_are_both_remembered() {
    let [one, other] = [7 * SLOTS + 5, 9 * SLOTS + 5];
    assert_eq!(one % SLOTS, other % SLOTS);
    for _ in 0..2 {
        [one, other].iter().for_each(|&block| Access::Read.remember(block));
        assert!(Access::Read.knows(one) && Access::Read.knows(other));
    }
}

#[test]
fn numbers_that_are_no_addresses_are_refused() {
    let here = 0_u8;
    assert!(is_readable(ptr::null::<u8>(), 0), "an empty range");
    for address in [0, 8, LOWEST_ADDRESS - 1, usize::MAX, HIGHEST_ADDRESS, 1 << 63] {
        assert!(!is_readable(ptr::without_provenance::<u8>(address), 1), "{address:#x}");
    }
    assert!(!is_readable(&raw const here, usize::MAX), "a range that wraps around");
    assert!(!is_address_range(&raw const here, isize::MAX as usize));
}

#[test]
fn a_string_ends_before_the_edge() {
    let (first, page) = (pages(), page_bytes());
    let place = first.wrapping_add(page - 3).cast::<c_char>();
    // SAFETY: only this test uses the pages, so nothing else reads or changes them.
    unsafe {
        write_bytes(place.cast(), b"abc").expect("writable");
        assert_eq!(string(place, 100), Some(c"abc"), "the next page begins with zeroes");
        assert_eq!(string(place, 3), None, "too long");
        assert_eq!(string(first.wrapping_add(2 * page).cast(), 100), None);
        assert_eq!(write_bytes(place.cast(), b"abcd"), Err(Errno::FAULT));
    }
}
