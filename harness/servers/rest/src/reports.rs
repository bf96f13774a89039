//! Orders, reports and filters: JSON that is more than a flat list of members.

use axum::Json;
use axum::body::Bytes;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Sum,
    Average,
    Median,
}

#[derive(Deserialize)]
pub struct Report {
    kind: Kind,
    #[serde(default)]
    rounded: bool,
    step: u32,
    values: Vec<u32>,
}

#[derive(Deserialize)]
struct Filter {
    name: Option<String>,
    not: Option<Box<Filter>>,
}

pub async fn order(Json(order): Json<Value>) -> Result<Json<Value>, StatusCode> {
    let count = order["count"].as_u64().ok_or(StatusCode::UNPROCESSABLE_ENTITY)?;
    let address = order.get("address").ok_or(StatusCode::UNPROCESSABLE_ENTITY)?;
    // Planted bug 6: a key that an address need not have.
    let city = address.get("city").unwrap();
    Ok(Json(json!({"count": count, "city": city})))
}

pub async fn report(Json(report): Json<Report>) -> Result<Json<Value>, StatusCode> {
    let sum: u64 = report.values.iter().map(|value| u64::from(*value)).sum();
    let result = match report.kind {
        Kind::Sum => sum,
        Kind::Median => report.values.get(report.values.len() / 2).copied().unwrap_or_default().into(),
        Kind::Average if report.rounded => {
            // Planted bug 9: a step of 0, in rounded averages only.
            sum / u64::from(report.step) * u64::from(report.step)
        }
        Kind::Average => sum / report.values.len().max(1) as u64,
    };
    Ok(Json(json!({"result": result})))
}

pub async fn filter(body: Bytes) -> Result<Json<Value>, StatusCode> {
    let mut reader = serde_json::Deserializer::from_slice(&body);
    reader.disable_recursion_limit();
    // Planted bug 8: as deep a recursion as the client wants.
    let filter = Filter::deserialize(&mut reader).map_err(|_| StatusCode::UNPROCESSABLE_ENTITY)?;
    Ok(Json(json!({"matches": filter.matches("poems")})))
}

impl Filter {
    fn matches(&self, name: &str) -> bool {
        let own = self.name.as_deref().is_none_or(|wanted| wanted == name);
        own && !self.not.as_ref().is_some_and(|other| other.matches(name))
    }
}
