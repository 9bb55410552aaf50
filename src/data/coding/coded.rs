//! A log that names the rows which an id shares with others, in place of the id.

use std::ops::Range;
use std::sync::Arc;

use super::{Hashing, Join};
use crate::base::stream::mix;
use crate::data::{
    Batch, Calendar, DataSource, Day, Field, HistoryColumn, IdSpace, Ids, Instants, Remark, Schema,
};

/// What became of the columns of a log whose ids share rows.
#[derive(Clone, PartialEq, Debug)]
pub struct Coding {
    /// The columns of the log itself.
    pub plain: Schema,
    /// By id space of the log.
    pub spaces: Vec<CodedSpace>,
    /// By field of the log: the first of the fields that stand in its place.
    pub fields: Vec<usize>,
    /// By column of its history, likewise.
    pub history: Vec<usize>,
}

/// The rows of an id space.
#[derive(Clone, PartialEq, Debug)]
pub struct CodedSpace {
    /// The rows of an id.
    pub parts: Vec<CodedPart>,
    /// How they become one embedding.
    pub join: Join,
}

/// One of the rows of every id.
#[derive(Clone, PartialEq, Debug)]
pub struct CodedPart {
    /// The id space of the coded log in which it lies.
    pub space: usize,
    /// The row of each id; `None` if it is the id itself.
    pub rows: Option<Vec<u32>>,
}

impl Coding {
    /// Whether the rows of an id have to be joined anywhere.
    pub fn has_joined_rows(&self) -> bool {
        self.spaces.iter().any(|space| space.parts.len() > 1)
    }
}

impl CodedPart {
    /// The row of an id.
    pub fn of(&self, id: u32) -> u32 {
        self.rows.as_ref().map_or(id, |rows| rows[id as usize])
    }
}

/// A log whose ids share rows.
#[derive(Debug)]
pub struct Coded {
    log: Arc<dyn DataSource>,
    schema: Schema,
    coding: Coding,
    /// The id space of the log, for those whose rows are its ids.
    own: Vec<Option<usize>>,
}

impl Coded {
    /// The log with the kind of hashing that `of` names for each id space; the log itself if all
    /// are collisionless.
    pub fn over(log: Arc<dyn DataSource>, of: impl Fn(&str) -> Hashing) -> Arc<dyn DataSource> {
        let plain = log.schema().clone();
        let (mut spaces, mut new, mut own) = (Vec::new(), Vec::new(), Vec::new());
        for (index, space) in plain.spaces.iter().enumerate() {
            let hashing = of(&space.name);
            let first = new.len();
            let Some(shared) = hashing.rows(space.rows) else {
                new.push(space.clone());
                own.push(Some(index));
                let part = CodedPart { space: first, rows: None };
                spaces.push(CodedSpace { parts: vec![part], join: Join::Add });
                continue;
            };
            for (suffix, rows) in &shared.tables {
                new.push(IdSpace { name: format!("{}{suffix}", space.name), rows: *rows });
                own.push(None);
            }
            let rows = rows_of_ids(log.as_ref(), index, &hashing, shared.parts.len());
            let parts = shared.parts.iter().zip(rows);
            let parts =
                parts.map(|(table, rows)| CodedPart { space: first + table, rows: Some(rows) });
            spaces.push(CodedSpace { parts: parts.collect(), join: shared.join });
        }
        if own.iter().all(Option::is_some) {
            return log;
        }
        let (mut fields, mut first_fields) = (Vec::new(), Vec::new());
        for field in &plain.fields {
            first_fields.push(fields.len());
            let parts = &spaces[field.space].parts;
            for (number, part) in parts.iter().enumerate() {
                let name = match parts.len() {
                    1 => field.name.clone(),
                    _ => format!("{}.{}", field.name, number + 1),
                };
                fields.push(Field { name, space: part.space });
            }
        }
        let mut first_columns = Vec::new();
        let history = plain.history.clone().map(|mut history| {
            let mut columns = Vec::new();
            for column in &history.columns {
                first_columns.push(columns.len());
                let target = first_fields[column.target];
                let parts = spaces[column.space].parts.iter().enumerate();
                columns.extend(parts.map(|(number, part)| HistoryColumn {
                    space: part.space,
                    target: target + number,
                }));
            }
            history.columns = columns;
            history
        });
        let schema = Schema { spaces: new, fields, history, ..plain.clone() };
        let coding = Coding { plain, spaces, fields: first_fields, history: first_columns };
        Arc::new(Coded { log, schema, coding, own })
    }
}

/// For each part, the row of every id of a space.
fn rows_of_ids(
    log: &dyn DataSource,
    space: usize,
    hashing: &Hashing,
    parts: usize,
) -> Vec<Vec<u32>> {
    let ids = log.schema().spaces[space].rows;
    let keys = log.ids(space).map(Ids::keys);
    let mut by_part = vec![Vec::with_capacity(ids as usize); parts];
    let mut rows = Vec::with_capacity(parts);
    for id in 0..ids {
        // Without a text the number of an id is the same in every log.
        let key = keys.map_or_else(|| mix(u64::from(id)), |keys| keys[id as usize]);
        rows.clear();
        hashing.find(key, ids, &mut rows);
        by_part.iter_mut().zip(&rows).for_each(|(of, row)| of.push(*row));
    }
    by_part
}

/// Replaces each id by its rows; `spaces` are those of the columns.
fn replace(ids: &mut Vec<u32>, spaces: &[&CodedSpace]) {
    let old = std::mem::take(ids);
    for (id, space) in old.into_iter().zip(spaces.iter().cycle()) {
        ids.extend(space.parts.iter().map(|part| part.of(id)));
    }
}

impl DataSource for Coded {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn days(&self) -> &[Day] {
        self.log.days()
    }

    fn calendar(&self) -> Calendar {
        self.log.calendar()
    }

    fn instants(&self) -> Option<Instants<'_>> {
        self.log.instants()
    }

    fn extra(&self) -> &[String] {
        self.log.extra()
    }

    fn extra_number(&self, column: usize, id: u64) -> f64 {
        self.log.extra_number(column, id)
    }

    fn held_out(&self) -> Range<u64> {
        self.log.held_out()
    }

    fn read(&self, ids: &[u64], batch: &mut Batch) {
        self.log.read(ids, batch);
        let Coding { plain, spaces, .. } = &self.coding;
        let of_fields: Vec<_> = plain.fields.iter().map(|field| &spaces[field.space]).collect();
        replace(&mut batch.fields, &of_fields);
        let columns = plain.history.iter().flat_map(|history| &history.columns);
        let of_history: Vec<_> = columns.map(|column| &spaces[column.space]).collect();
        replace(&mut batch.history, &of_history);
    }

    fn ids(&self, space: usize) -> Option<&Ids> {
        self.log.ids(self.own[space]?)
    }

    fn is_hashed(&self, space: usize) -> bool {
        self.own[space].is_none_or(|space| self.log.is_hashed(space))
    }

    fn coding(&self) -> Option<&Coding> {
        Some(&self.coding)
    }

    fn truth(&self, ids: &[u64]) -> Option<Vec<f64>> {
        self.log.truth(ids)
    }

    fn bytes(&self) -> u64 {
        let parts = self.coding.spaces.iter().flat_map(|space| &space.parts);
        let rows = parts.filter_map(|part| part.rows.as_ref()).map(Vec::len).sum::<usize>();
        self.log.bytes() + 4 * rows as u64
    }

    fn facts(&self) -> Vec<(String, String)> {
        self.log.facts()
    }

    fn remarks(&self) -> Vec<Remark> {
        self.log.remarks()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Streams;
    use crate::data::{OpenContext, SourceChoice};
    use std::path::Path;

    fn log() -> Arc<dyn DataSource> {
        let keys =
            serde_json::json!({"kind": "synthetic", "rows_per_day": 100, "users": 30, "items": 40});
        let choice: SourceChoice = serde_json::from_value(keys).unwrap();
        choice.open(&OpenContext::new(Path::new("."), Streams::new(1))).unwrap()
    }

    fn hashing(keys: serde_json::Value) -> Hashing {
        serde_json::from_value(keys).unwrap()
    }

    #[test]
    fn collisionless_tables_leave_the_log_as_it_is() {
        let log = log();
        let coded = Coded::over(Arc::clone(&log), |_| Hashing::default());
        assert!(Arc::ptr_eq(&log, &coded) && coded.coding().is_none());
    }

    #[test]
    fn columns_name_rows_and_the_rest_stays() {
        let log = log();
        let two =
            hashing(serde_json::json!({"kind": "quotient_remainder", "rows": 7, "quotients": 5}));
        let coded = Coded::over(Arc::clone(&log), |space| match space {
            "item" => two.clone(),
            "user" => hashing(serde_json::json!({"kind": "modulo", "rows": 4})),
            _ => Hashing::default(),
        });
        let coding = coded.coding().unwrap();
        let (plain, schema) = (log.schema(), coded.schema());
        assert_eq!(&coding.plain, plain);
        let rows = |name: &str| {
            schema.spaces.iter().find(|space| space.name == name).map(|space| space.rows)
        };
        assert_eq!(
            (rows("item.remainder"), rows("item.quotient"), rows("user")),
            (Some(7), Some(5), Some(4))
        );
        let (mut before, mut after) = (Batch::default(), Batch::default());
        let ids: Vec<u64> = (0..20).collect();
        log.read(&ids, &mut before);
        coded.read(&ids, &mut after);
        assert_eq!((&before.labels, &before.info), (&after.labels, &after.info));
        assert_eq!(before.history_offsets, after.history_offsets);
        let (width, coded_width) = (plain.fields.len(), schema.fields.len());
        for (row, coded_row) in
            before.fields.chunks_exact(width).zip(after.fields.chunks_exact(coded_width))
        {
            for (f, &id) in row.iter().enumerate() {
                let parts = &coding.spaces[plain.fields[f].space].parts;
                for (number, part) in parts.iter().enumerate() {
                    let at = coding.fields[f] + number;
                    assert_eq!(coded_row[at], part.of(id));
                    assert!(coded_row[at] < schema.spaces[schema.fields[at].space].rows);
                }
            }
        }
        let events = before.events();
        let columns = schema.history_columns();
        assert_eq!(after.history.len(), events * columns);
        assert!(columns > plain.history_columns());
    }
}
