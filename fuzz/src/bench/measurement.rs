//! Figures of one measurement.

/// Figures of one measurement.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement {
    /// Number of executions.
    pub executions: u64,
    /// Executions per second, including the fuzzer's own work and start.
    pub per_second: f64,
    /// Stability in percent; `None` if it is not measured.
    pub stability: Option<f64>,
    /// Warnings about worthless or poor figures.
    pub warnings: Vec<String>,
}
