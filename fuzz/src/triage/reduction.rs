//! Reduction of inputs: to those that are needed, then to their steps, then to their bytes.

use std::time::Instant;

use anyhow::Result;
use sockfuzz_protocol::InputFormat;
use sockfuzz_protocol::session::{Session, Step};

use super::ddmin;

/// Leaves out inputs that are not needed for `fails`, until the deadline.
///
/// # Errors
/// Those of `fails`.
pub(super) fn needed_inputs(
    inputs: Vec<Vec<u8>>,
    deadline: Instant,
    mut fails: impl FnMut(&[Vec<u8>]) -> Result<bool>,
) -> Result<Vec<Vec<u8>>> {
    ddmin::minimize(inputs, &mut fails, || Instant::now() >= deadline)
}

/// Leaves out steps and bytes that are not needed for `fails`, until the deadline.
///
/// # Errors
/// Those of `fails`.
pub fn needed_bytes(
    mut inputs: Vec<Vec<u8>>,
    format: InputFormat,
    deadline: Instant,
    mut fails: impl FnMut(&[Vec<u8>]) -> Result<bool>,
) -> Result<Vec<Vec<u8>>> {
    let is_over = || Instant::now() >= deadline;
    // The last input, which ends the process, has most of what is not needed.
    for index in (0..inputs.len()).rev() {
        let mut holds = |input: &[u8]| {
            let mut changed = inputs.clone();
            changed[index] = input.to_vec();
            fails(&changed)
        };
        let input = match format {
            InputFormat::Raw => inputs[index].clone(),
            InputFormat::Session => needed_steps(&inputs[index], &mut holds, is_over)?,
        };
        inputs[index] = sockfuzz_mutator::minimize(&input, format, &mut holds, is_over)?;
    }
    Ok(inputs)
}

/// Returns the input without the steps that it does not need.
fn needed_steps(
    input: &[u8],
    holds: &mut impl FnMut(&[u8]) -> Result<bool>,
    is_over: impl FnMut() -> bool,
) -> Result<Vec<u8>> {
    let encode = |steps: &[Step]| steps.iter().cloned().collect::<Session>().encode();
    let steps = Session::decode(input).into_steps();
    if steps.len() < 2 {
        return Ok(input.to_vec());
    }
    let needed = ddmin::minimize(steps, |steps| holds(&encode(steps)), is_over)?;
    Ok(encode(&needed))
}
