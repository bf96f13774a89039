//! All measurements as comma-separated values.

use std::io::Write;

use anyhow::Result;

use super::rounds::CaseResults;

/// Writes comma-separated values: a line for each case and round.
///
/// # Errors
/// When `to` cannot be written.
pub fn write(all: &[CaseResults], to: impl Write) -> Result<()> {
    let mut sheet = csv::Writer::from_writer(to);
    sheet.write_record(["case", "round", "executions", "per_second", "stability"])?;
    for series in all {
        for (round, measurement) in series.measurements.iter().enumerate() {
            sheet.write_record([
                &series.name,
                &(round + 1).to_string(),
                &measurement.executions.to_string(),
                &measurement.per_second.to_string(),
                &measurement.stability.map(|stability| stability.to_string()).unwrap_or_default(),
            ])?;
        }
    }
    Ok(sheet.flush()?)
}
