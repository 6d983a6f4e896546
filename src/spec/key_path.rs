//! Where in the text of `pgcleave.toml` something stands.

use std::ops::Range;

use toml_edit::{Document, Item, TableLike, Value};

/// A step on the way from the top of the file to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyOrPosition {
    Key(String),
    /// Position in a list or among `[[table]]`s, from 0.
    Position(usize),
}

/// The text, taken apart where it is TOML.
pub struct Source<'a> {
    text: &'a str,
    document: Option<Document<&'a str>>,
}

impl<'a> Source<'a> {
    pub fn of(text: &'a str) -> Self {
        let document = Document::parse(text).ok();
        Self { text, document }
    }

    /// Number of the line that holds a byte of the text, from 1.
    pub fn line(&self, offset: usize) -> usize {
        let before = &self.text.as_bytes()[..offset.min(self.text.len())];
        1 + before.iter().filter(|byte| **byte == b'\n').count()
    }

    /// Line of a key or a `[[table]]`; of what it is in, where it isn't there itself.
    pub fn line_of(&self, places: &[KeyOrPosition]) -> usize {
        let mut from_longest = (1..=places.len()).rev().map(|length| &places[..length]);
        let found = from_longest.find_map(|places| self.start(places));
        self.line(found.unwrap_or_default())
    }

    /// What stands at a byte of the text, from the outside inwards; nothing where the text isn't TOML.
    pub fn places_at(&self, offset: usize) -> Vec<KeyOrPosition> {
        let mut places = Vec::new();
        if let Some(document) = &self.document {
            find_in_table(document.as_table(), offset, &mut places);
        }
        places
    }

    /// Whether there is such a key.
    pub fn has(&self, places: &[KeyOrPosition]) -> bool {
        self.start(places).is_some()
    }

    /// A text value.
    pub fn text_at(&self, places: &[KeyOrPosition]) -> Option<&str> {
        let (last, table) = places.split_last()?;
        match (self.item(table)?, last) {
            (Found::Table(table), KeyOrPosition::Key(key)) => table.get(key)?.as_str(),
            _ => None,
        }
    }

    fn start(&self, places: &[KeyOrPosition]) -> Option<usize> {
        let (last, outer) = places.split_last()?;
        let span = match (self.item(outer)?, last) {
            (Found::Table(table), KeyOrPosition::Key(key)) => table.get_key_value(key)?.0.span(),
            (Found::Item(Item::ArrayOfTables(tables)), KeyOrPosition::Position(at)) => {
                tables.get(*at)?.span()
            }
            (Found::Item(Item::Value(Value::Array(values))), KeyOrPosition::Position(at)) => {
                values.get(*at)?.span()
            }
            _ => None,
        };
        span.map(|span| span.start)
    }

    fn item(&self, places: &[KeyOrPosition]) -> Option<Found<'_>> {
        let mut found = Found::Table(self.document.as_ref()?.as_table());
        for place in places {
            found = match (found, place) {
                (Found::Table(table), KeyOrPosition::Key(key)) => Found::of(table.get(key)?),
                (Found::Item(Item::ArrayOfTables(tables)), KeyOrPosition::Position(at)) => {
                    Found::Table(tables.get(*at)?)
                }
                _ => return None,
            };
        }
        Some(found)
    }
}

#[derive(Clone, Copy)]
enum Found<'a> {
    Table(&'a dyn TableLike),
    Item(&'a Item),
}

impl<'a> Found<'a> {
    fn of(item: &'a Item) -> Self {
        item.as_table_like().map_or(Self::Item(item), Self::Table)
    }
}

fn holds(span: Option<Range<usize>>, offset: usize) -> bool {
    span.is_some_and(|span| span.contains(&offset))
}

/// Adds the way to what stands at `offset`, as far in as it goes; says whether it stands in the table at all.
fn find_in_table(table: &dyn TableLike, offset: usize, places: &mut Vec<KeyOrPosition>) -> bool {
    for (name, item) in table.iter() {
        let key = table.get_key_value(name).and_then(|(key, _)| key.span());
        places.push(KeyOrPosition::Key(name.to_owned()));
        if find_in_item(item, offset, places) || holds(key, offset) || holds(item.span(), offset) {
            return true;
        }
        places.pop();
    }
    false
}

fn find_in_item(item: &Item, offset: usize, places: &mut Vec<KeyOrPosition>) -> bool {
    if let Some(table) = item.as_table_like() {
        return find_in_table(table, offset, places);
    }
    if let Item::ArrayOfTables(tables) = item {
        for (at, table) in tables.iter().enumerate() {
            places.push(KeyOrPosition::Position(at));
            if find_in_table(table, offset, places) || holds(table.span(), offset) {
                return true;
            }
            places.pop();
        }
    }
    if let Item::Value(Value::Array(values)) = item {
        let at = values.iter().position(|value| holds(value.span(), offset));
        places.extend(at.map(KeyOrPosition::Position));
        return at.is_some();
    }
    false
}
