//! What is the same for everybody: shelves and events.

use axum::Json;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

const SHELVES: [&str; 12] = [
    "art", "biology", "chess", "drama", "essays", "film", "games", "history", "law", "maps", "music", "poems",
];

const DAYS: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

#[derive(Deserialize)]
pub struct Events {
    day: String,
}

pub async fn shelf(Path(number): Path<usize>) -> Result<Json<Value>, StatusCode> {
    if number > SHELVES.len() {
        return Err(StatusCode::NOT_FOUND);
    }
    // Planted bug 7: the check above lets one number too many through.
    let name = SHELVES[number];
    Ok(Json(json!({"number": number, "name": name})))
}

pub async fn events(Query(events): Query<Events>) -> Result<Json<Value>, StatusCode> {
    let parts: Vec<&str> = events.day.split('-').collect();
    let [year, month, day] = parts[..] else { return Err(StatusCode::BAD_REQUEST) };
    let number = |text: &str| text.parse::<u32>().map_err(|_| StatusCode::BAD_REQUEST);
    let (year, month, day) = (number(year)?, number(month)?, number(day)?);
    // Planted bug 13: a month that no year has.
    let last = DAYS[month as usize - 1];
    if day == 0 || day > last {
        return Err(StatusCode::BAD_REQUEST);
    }
    Ok(Json(json!({"year": year, "month": month, "day": day, "events": []})))
}
