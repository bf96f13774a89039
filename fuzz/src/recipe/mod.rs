//! Recipes of real servers: how each is built, rendered and started, and its rows in the table of servers.
//! The table and the tests take real servers only from recipes.

mod definition;
mod home;
pub mod row_runner;
pub mod table;

pub use definition::{CiLevel, Recipe, RecipeRow};
pub use home::Home;
