//! The C interface (AFL++'s docs/custom_mutators.md). Each function turns pointers into slices, calls
//! the safe code, and keeps panics from AFL++.

use std::ffi::{c_char, c_int, c_uint, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::ptr;
use std::slice;

use sockfuzz_protocol::{InputFormat, MUTATOR_DICTIONARY, specs};

use crate::dictionary::Dictionary;
use crate::mutator::Mutator;
use crate::trim::Blocks;

/// What afl-fuzz sets, and afl-tmin does not: that one wants it as small as can be.
const SET_BY_AFL_FUZZ: &str = "AFL_CUSTOM_INFO_OUT";

/// Left to itself AFL++ takes a hundred, and twice as many with each find: in the first cycle, the seeds at the
/// end of the queue wait long for their turn.
const MUTATIONS: c_uint = 64;

/// The mutator, and what AFL++ holds pointers to.
struct Handle {
    mutator: Mutator,
    blocks: Blocks,
}

/// Begins.
#[unsafe(no_mangle)]
pub extern "C" fn afl_custom_init(_afl: *mut c_void, seed: c_uint) -> *mut c_void {
    let handle = catch_unwind(|| {
        let input = std::env::var(specs::INPUT.variable).ok().and_then(|word| word.parse().ok());
        let input = input.unwrap_or(InputFormat::Raw);
        let dictionary = std::env::var_os(MUTATOR_DICTIONARY).map(PathBuf::from);
        let blocks = match std::env::var_os(SET_BY_AFL_FUZZ) {
            Some(_) => Blocks { smallest: 4, first: 16 },
            None => Blocks { smallest: 1, first: 2 },
        };
        let mutator = Mutator::new(seed.into(), input, Dictionary::read(dictionary.as_deref()));
        Box::into_raw(Box::new(Handle { mutator, blocks })).cast()
    });
    handle.unwrap_or(ptr::null_mut())
}

/// Ends.
///
/// # Safety
/// `data` is what [`afl_custom_init`] has returned, and not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn afl_custom_deinit(data: *mut c_void) {
    // SAFETY: as the caller promises.
    let handle = unsafe { Box::from_raw(data.cast::<Handle>()) };
    let _ = catch_unwind(AssertUnwindSafe(|| drop(handle)));
}

/// Mutates.
///
/// # Safety
/// `data` is what [`afl_custom_init`] has returned; the buffers have the sizes given.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn afl_custom_fuzz(
    data: *mut c_void,
    buffer: *mut u8,
    size: usize,
    output: *mut *const u8,
    other: *const u8,
    other_size: usize,
    most: usize,
) -> usize {
    // SAFETY: as the caller promises; nobody else uses them meanwhile.
    let (handle, parent, other, output) =
        unsafe { (handle(data), bytes(buffer, size), bytes(other, other_size), &mut *output) };
    let mutated = catch_unwind(AssertUnwindSafe(|| {
        let mutated = handle.mutator.mutate(parent, other, most);
        (mutated.as_ptr(), mutated.len())
    }));
    // What went wrong is lost; the input is not.
    let (start, size) = mutated.unwrap_or((parent.as_ptr(), parent.len()));
    *output = start;
    size
}

/// How many mutations of an input AFL++ asks for at a time.
#[unsafe(no_mangle)]
pub extern "C" fn afl_custom_fuzz_count(_data: *mut c_void, _buffer: *const u8, _size: usize) -> c_uint {
    MUTATIONS
}

/// Says what the last mutation was.
///
/// # Safety
/// `data` is what [`afl_custom_init`] has returned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn afl_custom_describe(data: *mut c_void, most: usize) -> *const c_char {
    // SAFETY: as the caller promises.
    let handle = unsafe { handle(data) };
    let described = catch_unwind(AssertUnwindSafe(|| {
        handle.mutator.describe(most.saturating_sub(1));
        handle.mutator.description.push(0);
        handle.mutator.description.as_ptr().cast()
    }));
    described.unwrap_or(ptr::null())
}

/// Begins to trim; the number of steps is not known beforehand: 1 while there are any.
///
/// # Safety
/// `data` is what [`afl_custom_init`] has returned; the buffer has the size given.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn afl_custom_init_trim(data: *mut c_void, buffer: *mut u8, size: usize) -> c_int {
    // SAFETY: as the caller promises.
    let (handle, bytes) = unsafe { (handle(data), bytes(buffer, size)) };
    let begun = catch_unwind(AssertUnwindSafe(|| {
        handle.mutator.trimmer.begin(bytes, handle.mutator.input, handle.blocks)
    }));
    c_int::from(begun.unwrap_or(false))
}

/// The next proposal.
///
/// # Safety
/// `data` is what [`afl_custom_init`] has returned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn afl_custom_trim(data: *mut c_void, output: *mut *const u8) -> usize {
    // SAFETY: as the caller promises.
    let (handle, output) = unsafe { (handle(data), &mut *output) };
    let proposal = handle.mutator.trimmer.proposal();
    *output = proposal.as_ptr();
    proposal.len()
}

/// Hears whether the last proposal does the same; 1 at the end.
///
/// # Safety
/// `data` is what [`afl_custom_init`] has returned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn afl_custom_post_trim(data: *mut c_void, same: u8) -> c_int {
    // SAFETY: as the caller promises.
    let handle = unsafe { handle(data) };
    let more = catch_unwind(AssertUnwindSafe(|| handle.mutator.trimmer.proceed(same != 0)));
    c_int::from(!more.unwrap_or(false))
}

/// # Safety
/// `data` is what [`afl_custom_init`] has returned, and nobody else uses it meanwhile.
unsafe fn handle<'a>(data: *mut c_void) -> &'a mut Handle {
    // SAFETY: as the caller promises.
    unsafe { &mut *data.cast::<Handle>() }
}

/// # Safety
/// There are `size` bytes, or the pointer is null.
unsafe fn bytes<'a>(buffer: *const u8, size: usize) -> &'a [u8] {
    if buffer.is_null() || size == 0 {
        return &[];
    }
    // SAFETY: as the caller promises.
    unsafe { slice::from_raw_parts(buffer, size) }
}
