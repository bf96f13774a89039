//! Texts of which the beginning is shown.

use axum::Json;
use axum::extract::{Path, Query};
use axum::http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
pub struct Search {
    q: String,
}

#[derive(Deserialize)]
pub struct Note {
    title: String,
    text: String,
}

#[derive(Deserialize)]
pub struct Feedback {
    stars: u8,
}

pub async fn user(Path(name): Path<String>) -> Json<Value> {
    // Planted bug 1: the sixth byte of a name can be inside a character.
    let short = if name.len() > 6 { &name[..6] } else { &name };
    Json(json!({"name": name, "short": short}))
}

pub async fn search(Query(search): Query<Search>) -> Json<Value> {
    // Planted bug 2: so can the twelfth byte of a query.
    let shown = if search.q.len() > 12 { &search.q[..12] } else { &search.q };
    Json(json!({"shown": shown, "found": []}))
}

pub async fn note(Json(note): Json<Note>) -> Json<Value> {
    // Planted bug 4: so can the sixteenth byte of a text in JSON.
    let preview = if note.text.len() > 16 { &note.text[..16] } else { &note.text };
    Json(json!({"title": note.title, "preview": preview}))
}

pub async fn feedback(headers: HeaderMap, Json(feedback): Json<Feedback>) -> Json<Value> {
    let client = headers.get("x-client").map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let client = client.unwrap_or_default();
    // Planted bug 3: so can the eighth byte of a header's field.
    let client = if client.len() > 8 { &client[..8] } else { &client };
    Json(json!({"client": client, "stars": feedback.stars.min(5)}))
}
