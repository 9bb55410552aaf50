//! The id spaces by whose rows the holdout is divided.

use super::build_error::BuildError;
use super::spec::Scenario;
use crate::data::Schema;
use crate::params::Layout;
use crate::sim::by_row::RowSpace;

impl Scenario {
    /// The id spaces of `holdout.by_row`, each once, in a log with these columns and a model with
    /// this layout.
    ///
    /// # Errors
    /// If the log does not have an id space, or the model has no row for the own id of an example.
    pub(super) fn row_spaces(
        &self,
        schema: &Schema,
        layout: &Layout,
    ) -> Result<Vec<RowSpace>, BuildError> {
        let Some(holdout) = &self.holdout else { return Ok(Vec::new()) };
        let mut found: Vec<RowSpace> = Vec::new();
        for (number, name) in holdout.by_row.iter().enumerate() {
            let space = row_space(name, schema, layout).map_err(|why| BuildError::ByRow {
                number,
                name: name.clone(),
                why,
            })?;
            if !found.contains(&space) {
                found.push(space);
            }
        }
        Ok(found)
    }
}

/// The id space of this name; if there is none that can be used, says why.
fn row_space(name: &str, schema: &Schema, layout: &Layout) -> Result<RowSpace, String> {
    let names = || schema.spaces.iter().map(|space| space.name.as_str());
    let Some(space) = names().position(|known| known == name) else {
        // The quotient-remainder trick divides an id space in two.
        let parts = || names().filter(|known| known.starts_with(&format!("{name}.")));
        let known = |of: &mut dyn Iterator<Item = &str>| of.collect::<Vec<&str>>().join(", ");
        return Err(match parts().next() {
            Some(_) => format!("whose ids have several rows: name one of {}", known(&mut parts())),
            None => {
                format!("which the log does not have: its id spaces are {}", known(&mut names()))
            }
        });
    };
    let is_read = |f: usize| layout.reads.as_ref().is_none_or(|reads| reads.fields[f]);
    let fields = || (0..schema.fields.len()).filter(|&f| schema.fields[f].space == space);
    if fields().next().is_none() {
        return Err("of which an example has no id of its own, only its history".to_string());
    }
    let table = layout.tables.iter().position(|table| table.space == space);
    // What a history is compared with is the example's own id.
    let columns = || schema.history.iter().flat_map(|history| &history.columns);
    let is_target = |f: &usize| columns().any(|column| column.target == *f);
    let read = || fields().filter(|f| is_read(*f));
    let field = read().find(is_target).or_else(|| read().next());
    let (Some(table), Some(field)) = (table, field) else {
        return Err("of which the model reads no row".to_string());
    };
    let rows = layout.tables[table].rows;
    Ok(RowSpace { name: name.to_string(), space, field, table, rows })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Field, History, HistoryColumn, IdSpace};
    use crate::params::{Init, Reads};

    #[test]
    fn an_example_is_divided_by_its_own_id_and_not_by_its_history() {
        let space = |name: &str| IdSpace { name: name.into(), rows: 9 };
        let field = |name: &str, space| Field { name: name.into(), space };
        let schema = Schema {
            spaces: ["item", "user", "shop"].map(space).to_vec(),
            fields: vec![field("last_item", 0), field("item", 0), field("user", 1)],
            history: Some(History {
                max_len: 3,
                columns: [(0, 1), (2, 0)]
                    .map(|(space, target)| HistoryColumn { space, target })
                    .to_vec(),
            }),
            ..Schema::default()
        };
        let mut layout = Layout::default();
        layout.add_table("item", 0, 9, 2, Init::Constant(0.0));
        layout.add_table("item.wide", 0, 9, 1, Init::Constant(0.0));
        layout.add_table("user", 1, 9, 2, Init::Constant(0.0));
        let of = |name: &str, layout: &Layout| row_space(name, &schema, layout);
        let item = of("item", &layout).unwrap();
        assert_eq!((item.space, item.table, item.rows), (0, 0, 9));
        assert!(item.field < 2, "one of the fields that a history is compared with");
        assert_eq!(of("user", &layout).unwrap().table, 2);
        let refused = |name: &str, layout: &Layout| of(name, layout).unwrap_err();
        assert!(refused("usr", &layout).contains("item, user, shop"));
        assert!(refused("shop", &layout).contains("only its history"));
        layout.reads = Some(Reads { fields: vec![true, true, false], history: true });
        assert!(refused("user", &layout).contains("reads no row"));
    }
}
