//! The peers' batches, as `compare.py` stores them: per example its ids (fields, then history) and
//! its label, all as little-endian 32-bit integers.

use std::path::Path;

use straggler::data::{Batch, DataSource, Day, ExampleInfo, Schema};

/// Batches in memory, fed again and again.
#[derive(Debug)]
pub(crate) struct StoredBatches {
    schema: Schema,
    /// Example after example, `width` numbers each.
    words: Vec<u32>,
    width: usize,
}

impl StoredBatches {
    /// Reads `path`, whose columns are those of `schema`.
    pub(crate) fn read(path: &Path, schema: Schema) -> StoredBatches {
        let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let word = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().expect("four bytes"));
        let words: Vec<u32> = bytes.chunks_exact(4).map(word).collect();
        let history = schema.history.as_ref().map_or(0, |history| history.max_len);
        let width = schema.fields.len() + history + 1;
        assert!(
            !words.is_empty() && words.len().is_multiple_of(width),
            "not the batches of this model"
        );
        StoredBatches { schema, words, width }
    }
}

impl DataSource for StoredBatches {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn days(&self) -> &[Day] {
        &[]
    }

    fn read(&self, ids: &[u64], batch: &mut Batch) {
        batch.clear();
        let (fields, count) = (self.schema.fields.len(), self.words.len() / self.width);
        for &id in ids {
            let at = (id % count as u64) as usize;
            let words = &self.words[at * self.width..(at + 1) * self.width];
            let (label, words) = words.split_last().expect("a label");
            batch.labels.push(*label as f32);
            batch.fields.extend_from_slice(&words[..fields]);
            batch.history.extend_from_slice(&words[fields..]);
            batch.history_offsets.push(batch.history.len() as u32);
            batch.info.push(ExampleInfo { id, ..ExampleInfo::default() });
        }
    }

    fn facts(&self) -> Vec<(String, String)> {
        Vec::new()
    }
}
