//! Adds up what people buy; it's a small library.
use std::collections::HashMap;
use std::fmt;

const LIMIT: usize = 100;

#[derive(Debug, Clone, PartialEq)]
pub struct Item<'a> {
    pub name: &'a str,
    pub price: u32,
}

#[derive(Debug)]
pub enum CartError {
    Full { limit: usize },
    Unknown(String),
}

impl fmt::Display for CartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CartError::Full { limit } => write!(f, "no more than {limit} items"),
            CartError::Unknown(name) => write!(f, "there is no \"{}\" here", name),
        }
    }
}

#[derive(Default)]
pub struct Cart<'a> {
    items: Vec<Item<'a>>,
    notes: HashMap<String, Vec<String>>,
}

impl<'a> Cart<'a> {
    /// Puts an item in (`LIMIT` at most).
    pub fn add(&mut self, item: Item<'a>, note: Option<&str>) -> Result<usize, CartError> {
        if self.items.len() >= LIMIT {
            return Err(CartError::Full { limit: LIMIT });
        }
        if let Some(text) = note {
            self.notes.entry(item.name.to_string()).or_default().push(text.into());
        }
        self.items.push(item);
        Ok(self.items.len())
    }

    pub fn total(&self) -> u32 {
        self.items.iter().filter(|item| item.price > 0).map(|item| item.price).sum()
    }
}
