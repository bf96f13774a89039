//! Items, which clients create, read, update and delete.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderName, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{Service, identifier};

/// Number of items after which all are dropped.
const MAX_ITEMS: usize = 1000;

/// All items, and where each stands.
#[derive(Default)]
pub struct Items(Mutex<Table>);

#[derive(Default)]
struct Table {
    places: HashMap<String, usize>,
    items: Vec<Option<Item>>,
}

#[derive(Clone, Deserialize, Serialize)]
pub struct Item {
    name: String,
    price: u32,
}

#[derive(Deserialize)]
pub struct Page {
    #[serde(default)]
    page: u32,
    #[serde(default = "usual_size")]
    size: u32,
}

fn usual_size() -> u32 {
    20
}

#[derive(Deserialize)]
pub struct Price {
    currency: String,
}

impl Items {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Table {
    fn find(&self, id: &str) -> Result<usize, StatusCode> {
        self.places.get(id).copied().ok_or(StatusCode::NOT_FOUND)
    }
}

pub async fn list(State(service): State<Arc<Service>>, Query(page): Query<Page>) -> Json<Vec<Item>> {
    // Planted bug 5: the product is larger than the type, as the profile checks.
    let skipped = page.page * page.size;
    let table = service.items.table();
    let items = table.items.iter().flatten();
    Json(items.skip(skipped as usize).take(page.size.min(100) as usize).cloned().collect())
}

pub async fn create(
    State(service): State<Arc<Service>>,
    Json(item): Json<Item>,
) -> (StatusCode, [(HeaderName, String); 1], Json<Value>) {
    let id = identifier();
    let answer = Json(json!({"id": id, "name": item.name, "price": item.price}));
    let location = [(header::LOCATION, format!("/items/{id}"))];
    let mut table = service.items.table();
    if table.items.len() == MAX_ITEMS {
        *table = Table::default();
    }
    let place = table.items.len();
    table.items.push(Some(item));
    table.places.insert(id, place);
    (StatusCode::CREATED, location, answer)
}

pub async fn read(
    State(service): State<Arc<Service>>,
    Path(id): Path<String>,
) -> Result<Json<Item>, StatusCode> {
    let table = service.items.table();
    let place = table.find(&id)?;
    table.items[place].clone().map(Json).ok_or(StatusCode::GONE)
}

pub async fn update(
    State(service): State<Arc<Service>>,
    Path(id): Path<String>,
    Json(item): Json<Item>,
) -> Result<StatusCode, StatusCode> {
    let mut table = service.items.table();
    let place = table.find(&id)?;
    // Planted bug 12: the place outlives the item.
    let current = table.items[place].as_mut().unwrap();
    *current = item;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn delete(
    State(service): State<Arc<Service>>,
    Path(id): Path<String>,
) -> Result<StatusCode, StatusCode> {
    let mut table = service.items.table();
    let place = table.find(&id)?;
    table.items[place].take().map(|_| StatusCode::NO_CONTENT).ok_or(StatusCode::GONE)
}

pub async fn price(
    State(service): State<Arc<Service>>,
    Path(id): Path<String>,
    Query(wanted): Query<Price>,
) -> Result<Json<Value>, StatusCode> {
    let table = service.items.table();
    let place = table.find(&id)?;
    let item = table.items[place].as_ref().ok_or(StatusCode::GONE)?;
    // Planted bug 10: a currency of fewer than three letters, for an item that exists.
    let currency = &wanted.currency[..3];
    Ok(Json(json!({"price": item.price, "currency": currency})))
}
