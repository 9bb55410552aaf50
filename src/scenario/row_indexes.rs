//! The hash tables through which servers find rows, where a scenario asks for them.

use super::build::Prepared;
use super::spec::Scenario;
use crate::data::DataSource;
use crate::server::cuckoo::IndexedSpace;

impl Scenario {
    /// The id spaces whose rows are found through hash tables.
    pub(super) fn indexed_spaces(&self, source: &dyn DataSource) -> Vec<Option<IndexedSpace>> {
        let schema = source.schema();
        let mut indexed = vec![None; schema.spaces.len()];
        let plain = source.coding().map_or(schema, |coding| &coding.plain);
        for (number, space) in plain.spaces.iter().enumerate() {
            let Some(settings) = self.tables.hashing_of(&space.name).row_index() else { continue };
            // The space has one part: its own ids.
            let here =
                source.coding().map_or(number, |coding| coding.spaces[number].parts[0].space);
            indexed[here] = Some(IndexedSpace::new(settings, source.ids(here)));
        }
        indexed
    }

    /// Bytes of the hash tables that find rows, with the keys of their ids.
    pub(super) fn row_indexes(&self, prepared: &Prepared) -> u64 {
        let (layout, source) = (prepared.model.layout(), prepared.source.as_ref());
        let shards = u64::from(self.cluster.shards_with_rows().max(1));
        let of_space = |(space, indexed): (usize, Option<IndexedSpace>)| {
            let (settings, rows) = (indexed?.settings, source.schema().spaces[space].rows);
            let tables = layout.tables.iter().filter(|table| table.space == space).count() as u64;
            let keys = source.ids(space).map_or(0, |ids| 16 * ids.len() as u64);
            let bytes = settings.bytes(u64::from(rows).div_ceil(shards));
            Some(keys + bytes.saturating_mul(tables).saturating_mul(shards))
        };
        let spaces = self.indexed_spaces(source).into_iter().enumerate();
        spaces.filter_map(of_space).fold(0, u64::saturating_add)
    }
}
