//! Figures of one measurement.

/// Figures of one measurement.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement {
    /// Executions done.
    pub executions: u64,
    /// Executions per second, including the fuzzer's own work and start.
    pub per_second: f64,
    /// Stability in percent; none where it is not measured.
    pub stability: Option<f64>,
    /// Reasons why the figures are worthless, or poor.
    pub warnings: Vec<String>,
}
