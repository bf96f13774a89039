//! C interface of an AFL++ custom mutator (AFL++'s docs/custom_mutators.md). Each function converts
//! pointers to slices and calls the safe code; where that can panic, the function catches it.

use std::ffi::{c_char, c_int, c_uint, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::ptr;
use std::slice;

use plthook::Replacement;
use sockfuzz_protocol::{InputFormat, MUTATOR_DICTIONARY, MUTATOR_WORDS, specs};

use crate::answer_source::AnswerSource;
use crate::cmp_map;
use crate::dictionary::Dictionary;
use crate::mutator::Mutator;
use crate::stage::Stage;
use crate::trim::BlockSizes;

/// Environment variable that afl-fuzz sets and afl-tmin does not. Without it, inputs are trimmed to single bytes.
const AFL_FUZZ_VARIABLE: &str = "AFL_CUSTOM_INFO_OUT";

/// Blocks that afl-fuzz tries to remove from each new input. Elements of requests have been tried before, and single bytes
/// would take more executions than all mutations of the input.
const TRIMMED_BLOCKS: BlockSizes = BlockSizes { initial_count: 16, final_count: 64, min_length: 4 };

/// State that AFL++ passes to every function as an opaque pointer.
struct MutatorHandle {
    mutator: Mutator,
    stage: Stage,
    block_sizes: BlockSizes,
    /// Answers of the servers that afl-fuzz starts.
    answers: Option<AnswerSource>,
    /// Functions of afl-fuzz that are replaced for as long as this library is loaded.
    _replacements: Vec<Replacement>,
}

/// Creates a mutator.
#[unsafe(no_mangle)]
pub extern "C" fn afl_custom_init(_afl: *mut c_void, seed: c_uint) -> *mut c_void {
    let handle = catch_unwind(|| {
        let format = std::env::var(specs::INPUT.variable).ok().and_then(|word| word.parse().ok());
        let format = format.unwrap_or(InputFormat::Raw);
        let dictionary = std::env::var_os(MUTATOR_DICTIONARY).map(PathBuf::from);
        let (block_sizes, replacements, answers) = match std::env::var_os(AFL_FUZZ_VARIABLE) {
            Some(_) => {
                // SAFETY: afl-fuzz has one thread.
                let answers = unsafe { AnswerSource::create() };
                (TRIMMED_BLOCKS, cmp_map::replace_functions(), answers)
            }
            None => (BlockSizes::down_to(1, 2), Vec::new(), None),
        };
        let mut mutator = Mutator::new(seed.into(), format, Dictionary::read(dictionary.as_deref()));
        if let Some(list) = std::env::var_os(MUTATOR_WORDS).and_then(|path| std::fs::read(path).ok()) {
            mutator.learned.add_list(&list);
        }
        let stage = Stage::default();
        Box::into_raw(Box::new(MutatorHandle {
            mutator,
            stage,
            block_sizes,
            answers,
            _replacements: replacements,
        }))
        .cast()
    });
    handle.unwrap_or(ptr::null_mut())
}

/// Destroys the mutator.
///
/// # Safety
/// `data` must come from [`afl_custom_init`], and must not be used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn afl_custom_deinit(data: *mut c_void) {
    // SAFETY: `data` comes from `Box::into_raw` in `afl_custom_init`, and AFL++ does not use it again.
    let handle = unsafe { Box::from_raw(data.cast::<MutatorHandle>()) };
    let _ = catch_unwind(AssertUnwindSafe(|| drop(handle)));
}

/// Mutates an input. Returns the length of the mutation, or 0 when the input has been mutated enough.
///
/// # Safety
/// `data` must come from [`afl_custom_init`]; the buffers must be readable for their sizes, and `output`
/// writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn afl_custom_fuzz(
    data: *mut c_void,
    buffer: *mut u8,
    size: usize,
    output: *mut *const u8,
    other: *const u8,
    other_size: usize,
    max_size: usize,
) -> usize {
    // SAFETY: `data` comes from `afl_custom_init`, the buffers are readable for their sizes, and `output` is
    // writable. AFL++ calls from one thread, so nothing else uses or changes them during the call.
    let (handle, parent, other, output) =
        unsafe { (handle(data), bytes(buffer, size), bytes(other, other_size), &mut *output) };
    if !handle.stage.proceed() {
        return 0;
    }
    let mutated = catch_unwind(AssertUnwindSafe(|| {
        handle.mutator.learn_comparisons(&cmp_map::take_operands(), parent);
        let mutated = handle.mutator.mutate(parent, other, max_size);
        (mutated.as_ptr(), mutated.len())
    }));
    // After a panic, AFL++ runs the unchanged parent.
    let (start, size) = mutated.unwrap_or((parent.as_ptr(), parent.len()));
    *output = start;
    size
}

/// Returns the largest number of mutations that AFL++ requests of an input. AFL++ calls it before each custom stage, which is often
/// enough to learn from answers.
///
/// # Safety
/// `data` must come from [`afl_custom_init`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn afl_custom_fuzz_count(
    data: *mut c_void,
    _buffer: *const u8,
    _size: usize,
) -> c_uint {
    // SAFETY: `data` comes from `afl_custom_init`. AFL++ calls from one thread, so nothing else uses it.
    let handle = unsafe { handle(data) };
    let _ = catch_unwind(AssertUnwindSafe(|| {
        let answers = handle.answers.iter().flat_map(AnswerSource::take);
        answers.for_each(|answer| handle.mutator.learned.add_answer(&answer));
    }));
    handle.stage.begin()
}

/// Describes the last mutation, which AFL++ keeps.
///
/// # Safety
/// `data` must come from [`afl_custom_init`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn afl_custom_describe(data: *mut c_void, max_length: usize) -> *const c_char {
    // SAFETY: `data` comes from `afl_custom_init`. AFL++ calls from one thread, so nothing else uses it.
    let handle = unsafe { handle(data) };
    if handle.mutator.has_changed_values() {
        handle.stage.extend();
    }
    let described = catch_unwind(AssertUnwindSafe(|| {
        handle.mutator.describe(max_length.saturating_sub(1));
        handle.mutator.description.push(0);
        handle.mutator.description.as_ptr().cast()
    }));
    described.unwrap_or(ptr::null())
}

/// Starts trimming. Returns 1 if there are steps, whose number is not known beforehand, and 0 if there are none.
///
/// # Safety
/// `data` must come from [`afl_custom_init`]; the buffer must be readable for its size.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn afl_custom_init_trim(data: *mut c_void, buffer: *mut u8, size: usize) -> c_int {
    // SAFETY: `data` comes from `afl_custom_init`, and the buffer is readable for `size` bytes. AFL++ calls
    // from one thread, so nothing else uses or changes them during the call.
    let (handle, bytes) = unsafe { (handle(data), bytes(buffer, size)) };
    let has_steps = catch_unwind(AssertUnwindSafe(|| {
        handle.mutator.trimmer.begin(bytes, handle.mutator.format, handle.block_sizes)
    }));
    c_int::from(has_steps.unwrap_or(false))
}

/// Returns the next proposal of the trimmer.
///
/// # Safety
/// `data` must come from [`afl_custom_init`]; `output` must be writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn afl_custom_trim(data: *mut c_void, output: *mut *const u8) -> usize {
    // SAFETY: `data` comes from `afl_custom_init`, without other users in AFL++'s one thread; `output` is writable.
    let (handle, output) = unsafe { (handle(data), &mut *output) };
    let proposal = handle.mutator.trimmer.proposal();
    *output = proposal.as_ptr();
    proposal.len()
}

/// Receives whether the last proposal has the same coverage. Returns 1 when trimming is done.
///
/// # Safety
/// `data` must come from [`afl_custom_init`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn afl_custom_post_trim(data: *mut c_void, same: u8) -> c_int {
    // SAFETY: `data` comes from `afl_custom_init`. AFL++ calls from one thread, so nothing else uses it.
    let handle = unsafe { handle(data) };
    let more = catch_unwind(AssertUnwindSafe(|| handle.mutator.trimmer.proceed(same != 0)));
    c_int::from(!more.unwrap_or(false))
}

/// # Safety
/// `data` must come from [`afl_custom_init`], and nothing else may use it during `'a`.
unsafe fn handle<'a>(data: *mut c_void) -> &'a mut MutatorHandle {
    // SAFETY: `data` points to the `MutatorHandle` that `afl_custom_init` has boxed; nothing else uses it during `'a`.
    unsafe { &mut *data.cast::<MutatorHandle>() }
}

/// # Safety
/// `buffer` must be null or readable for `size` bytes during `'a`.
unsafe fn bytes<'a>(buffer: *const u8, size: usize) -> &'a [u8] {
    if buffer.is_null() || size == 0 {
        return &[];
    }
    // SAFETY: `buffer` is not null, and readable for `size` bytes during `'a`.
    unsafe { slice::from_raw_parts(buffer, size) }
}
