//! Real servers, by recipe: how each is built, rendered and started, and its row in the table of servers.
//! The table and the tests know real servers from their recipes only.

mod definition;
mod home;
pub mod row_runner;
pub mod table;

pub use definition::{CiLevel, Recipe, RecipeRow};
pub use home::Home;
