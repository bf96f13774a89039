//! Login, and what needs one.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Json;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Service, identifier};

/// Number of sessions that are kept.
const MAX_SESSIONS: usize = 1000;

const AUDIT_LINES: [&str; 4] = ["started", "login demo", "item added", "item removed"];

/// Tokens of the sessions, oldest first.
#[derive(Default)]
pub struct Sessions(Mutex<VecDeque<String>>);

#[derive(Deserialize)]
pub struct Login {
    user: String,
    password: String,
}

#[derive(Deserialize)]
pub struct Audit {
    last: usize,
}

pub async fn login(
    State(service): State<Arc<Service>>,
    Json(login): Json<Login>,
) -> Result<Json<Value>, StatusCode> {
    if login.user != "demo" || login.password != "demo" {
        return Err(StatusCode::FORBIDDEN);
    }
    let token = identifier();
    let mut sessions = service.sessions.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if sessions.len() == MAX_SESSIONS {
        sessions.pop_front();
    }
    sessions.push_back(token.clone());
    Ok(Json(json!({"token": token})))
}

pub async fn audit(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
    Query(audit): Query<Audit>,
) -> Result<Json<Vec<&'static str>>, StatusCode> {
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token =
        authorization.and_then(|value| value.strip_prefix("Bearer ")).ok_or(StatusCode::UNAUTHORIZED)?;
    let is_known = {
        let sessions = service.sessions.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        sessions.iter().any(|known| known == token)
    };
    if !is_known {
        return Err(StatusCode::UNAUTHORIZED);
    }
    // Planted bug 11: more lines than there are, for users who have logged in.
    Ok(Json(AUDIT_LINES[AUDIT_LINES.len() - audit.last..].to_vec()))
}
