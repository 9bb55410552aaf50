//! The ids of an id space, in the order of its rows: what they are called in the log.

use rustc_hash::FxHashMap;

use super::column::Column;

/// What the ids of an id space are called, row by row.
///
/// Next to its text an id has a *key* of 64 bits, the same in every log, by which its row is found.
/// Two of a million ids have the same key with a probability of 3 in 100 million.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ids {
    keys: Column<u64>,
    text: Column<u8>,
    /// Where each text ends in `text`.
    ends: Column<u64>,
}

/// Texts of the wrong length for their keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BadTexts;

impl Ids {
    /// The key of a row that stands for no single id: rare ids, items without a category.
    pub const NO_ID: u64 = 0;

    /// The ids with these keys and texts; `ends` says where each text ends.
    ///
    /// # Errors
    /// If it is not one text per key, or the texts do not lie one behind the other.
    pub fn new(keys: Vec<u64>, text: Vec<u8>, ends: Vec<u64>) -> Result<Ids, BadTexts> {
        let in_order = ends.is_sorted();
        Ids::of_columns(keys.into(), text.into(), ends.into()).filter(|_| in_order).ok_or(BadTexts)
    }

    /// The ids of columns, which are known to be in order; `None` if their lengths do not fit.
    pub(crate) fn of_columns(
        keys: Column<u64>,
        text: Column<u8>,
        ends: Column<u64>,
    ) -> Option<Ids> {
        let fit = ends.last().copied().unwrap_or(0) == text.len() as u64;
        (keys.len() == ends.len() && fit).then_some(Ids { keys, text, ends })
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The key of each row.
    pub fn keys(&self) -> &[u64] {
        &self.keys
    }

    /// All texts, one behind the other, and where each ends.
    pub fn texts(&self) -> (&[u8], &[u64]) {
        (&self.text, &self.ends)
    }

    /// The text of a row's id, as the log has it; empty for a row that stands for no single id.
    pub fn text(&self, row: usize) -> &[u8] {
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start as usize..self.ends[row] as usize]
    }

    /// Two rows with the same key, if there are any; rows that stand for no single id aside.
    pub fn same_key(&self) -> Option<(usize, usize)> {
        let mut rows = FxHashMap::default();
        let own = self.keys.iter().enumerate().filter(|(_, key)| **key != Ids::NO_ID);
        own.into_iter().find_map(|(row, key)| Some((rows.insert(*key, row)?, row)))
    }

    /// Adds a row.
    pub fn push(&mut self, key: u64, text: &[u8]) {
        self.keys.owned().push(key);
        self.text.owned().extend_from_slice(text);
        let end = self.text.len() as u64;
        self.ends.owned().push(end);
    }

    /// Bytes of memory that they take at most.
    pub(crate) fn held(&self) -> u64 {
        self.keys.held() + self.text.held() + self.ends.held()
    }

    /// Bytes of all keys and texts.
    pub fn bytes(&self) -> u64 {
        (8 * self.keys.len() + self.text.len() + 8 * self.ends.len()) as u64
    }

    /// Rows whose ids are known in no order: first [`measure`](IdsBuilder::measure) each, then
    /// [`put`](IdsBuilder::put) each.
    pub(crate) fn of_rows(rows: usize) -> IdsBuilder {
        IdsBuilder { keys: vec![Ids::NO_ID; rows], text: Vec::new(), ends: vec![0; rows] }
    }
}

/// [`Ids`] that are being filled.
#[derive(Debug)]
pub(crate) struct IdsBuilder {
    keys: Vec<u64>,
    text: Vec<u8>,
    ends: Vec<u64>,
}

impl IdsBuilder {
    /// Notes the key of a row and the length of its text.
    pub(crate) fn measure(&mut self, row: usize, key: u64, length: usize) {
        self.keys[row] = key;
        self.ends[row] = length as u64;
    }

    /// Makes room for the texts, once all rows are measured.
    pub(crate) fn make_room(&mut self) {
        let mut end = 0;
        for of in &mut self.ends {
            end += *of;
            *of = end;
        }
        self.text = vec![0; end as usize];
    }

    /// Copies the text of a row.
    pub(crate) fn put(&mut self, row: usize, text: &[u8]) {
        let end = self.ends[row] as usize;
        self.text[end - text.len()..end].copy_from_slice(text);
    }

    /// The ids.
    pub(crate) fn finish(self) -> Ids {
        let IdsBuilder { keys, text, ends } = self;
        Ids { keys: keys.into(), text: text.into(), ends: ends.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_ids_with_one_key_are_found() {
        let ids = |keys: &[u64]| {
            let mut ids = Ids::default();
            keys.iter().for_each(|key| ids.push(*key, b"x"));
            ids
        };
        assert_eq!(ids(&[5, 0, 7, 0, 6]).same_key(), None);
        assert_eq!(ids(&[5, 0, 7, 0, 5]).same_key(), Some((0, 4)));
    }

    #[test]
    fn rows_are_filled_in_any_order() {
        let mut pushed = Ids::default();
        pushed.push(7, b"seven");
        pushed.push(Ids::NO_ID, b"");
        pushed.push(9, b"nine");
        let mut built = Ids::of_rows(3);
        built.measure(2, 9, 4);
        built.measure(0, 7, 5);
        built.make_room();
        built.put(2, b"nine");
        built.put(0, b"seven");
        let built = built.finish();
        assert_eq!(built, pushed);
        assert_eq!(
            (built.text(0), built.text(1), built.text(2)),
            (&b"seven"[..], &b""[..], &b"nine"[..])
        );
        let (text, ends) = built.texts();
        assert_eq!(
            Ids::new(built.keys().to_vec(), text.to_vec(), ends.to_vec()),
            Ok(built.clone())
        );
        assert_eq!(Ids::new(vec![1], vec![0; 3], vec![2]), Err(BadTexts));
        assert_eq!(Ids::new(vec![1, 2], vec![0; 3], vec![3, 2]), Err(BadTexts));
    }
}
