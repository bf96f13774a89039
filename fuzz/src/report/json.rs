//! Report in JSON, and its schema.

use anyhow::Result;

use super::data::CampaignReport;

/// Renders the report.
///
/// # Errors
/// When the report is no valid JSON.
pub fn render(report: &CampaignReport) -> Result<String> {
    Ok(serde_json::to_string_pretty(report)? + "\n")
}

/// Returns the JSON Schema of the report.
///
/// # Errors
/// When the schema is no valid JSON.
pub fn schema() -> Result<String> {
    Ok(serde_json::to_string_pretty(&schemars::schema_for!(CampaignReport))? + "\n")
}
