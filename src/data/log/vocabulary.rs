//! From the text of ids to dense numbers.
//!
//! While a file is read, each new text gets the next provisional *code*. When the order of the log
//! is known, a [`Numbering`] replaces codes by ids by first occurrence in that order. So ids do not
//! depend on the order of rows in a file.

use rustc_hash::FxHashMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::packed::{Medium, Short};
use crate::base::stream::mix;
use crate::data::Ids;
use crate::data::error::DataError;
use crate::data::reading::text::Text;

/// How the ids of a table's columns get the rows of their tables.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct IdRows {
    /// Ids that occur less often share one row of their table; 0 and 1 keep all.
    pub min_count: u32,
    /// Hashes ids into this many rows per table, instead of listing them; 0 lists them.
    pub hash_rows: u32,
}

impl IdRows {
    /// Refuses a count for hashed ids, which are not counted.
    pub(crate) fn check(self) -> Result<(), DataError> {
        if self.min_count > 1 && self.hash_rows > 0 {
            let problem = "has no effect on hashed ids; leave it or hash_rows out".to_string();
            return Err(DataError::Setting { key: "min_count", problem });
        }
        Ok(())
    }
}

/// Codes of texts.
#[derive(Clone, Debug)]
pub(crate) enum Vocabulary {
    /// Every text has its own code.
    Listed(Listed),
    /// Feature hashing (Weinberger et al. 2009): a text's code is its hash scaled to the rows.
    Hashed {
        /// Number of rows.
        rows: u32,
    },
}

/// Texts in order of their first occurrence, by length: nearly all ids of real logs are short.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listed {
    short: FxHashMap<Short, u32>,
    medium: FxHashMap<Medium, u32>,
    long: FxHashMap<Box<[u8]>, u32>,
    /// Number of texts, which is also the code of the next new text.
    texts: u32,
}

impl Listed {
    #[inline(always)]
    fn code(&mut self, text: Text) -> u32 {
        match Short::new(text) {
            Some(text) => self.short_code(text),
            None => self.longer_code(text),
        }
    }

    #[inline]
    fn short_code(&mut self, text: Short) -> u32 {
        let code = *self.short.entry(text).or_insert(self.texts);
        self.given(code)
    }

    fn longer_code(&mut self, text: Text) -> u32 {
        let next = self.texts;
        let code = if let Some(text) = Medium::new(&text) {
            *self.medium.entry(text).or_insert(next)
        } else {
            // An owned key is made for new texts only.
            match self.long.get(text.bytes()) {
                Some(code) => *code,
                None => *self.long.entry(text.bytes().into()).or_insert(next),
            }
        };
        self.given(code)
    }

    /// Counts a new code.
    #[inline(always)]
    fn given(&mut self, code: u32) -> u32 {
        if code == self.texts {
            self.texts = code.checked_add(1).expect("2^32 texts do not fit in memory");
        }
        code
    }

    /// Passes on every text with its code, in no particular order.
    fn each(&self, mut take: impl FnMut(u32, Text)) {
        self.short.iter().for_each(|(text, code)| text.read(|text| take(*code, text)));
        self.medium.iter().for_each(|(text, code)| text.read(|text| take(*code, text)));
        self.long.iter().for_each(|(text, code)| take(*code, (&**text).into()));
    }

    fn get(&self, text: Text) -> Option<u32> {
        let code = if let Some(text) = Short::new(text) {
            self.short.get(&text)
        } else if let Some(text) = Medium::new(&text) {
            self.medium.get(&text)
        } else {
            self.long.get(text.bytes())
        };
        code.copied()
    }
}

impl Vocabulary {
    /// Listed, or hashed into `hash_rows` if that is above zero.
    pub(crate) fn new(hash_rows: u32) -> Vocabulary {
        match hash_rows {
            0 => Vocabulary::Listed(Listed::default()),
            rows => Vocabulary::Hashed { rows },
        }
    }

    /// The code of `text`; a new code for a new text.
    #[inline]
    pub(crate) fn code(&mut self, text: Text) -> u32 {
        match self {
            Vocabulary::Hashed { rows } => hashed_row(text, *rows),
            Vocabulary::Listed(listed) => listed.code(text),
        }
    }

    /// Passes the codes of `rows` texts to `put`.
    #[inline(always)]
    pub(crate) fn codes<'t>(
        &mut self,
        rows: usize,
        text: impl Fn(usize) -> Text<'t>,
        mut put: impl FnMut(usize, u32),
    ) {
        match self {
            Vocabulary::Hashed { rows: ids } => {
                (0..rows).for_each(|row| put(row, hashed_row(text(row), *ids)));
            }
            Vocabulary::Listed(listed) => {
                (0..rows).for_each(|row| put(row, listed.code(text(row))));
            }
        }
    }

    /// The code of `text`, if it has one.
    pub(crate) fn get(&self, text: Text) -> Option<u32> {
        match self {
            Vocabulary::Hashed { rows } => Some(hashed_row(text, *rows)),
            Vocabulary::Listed(listed) => listed.get(text),
        }
    }

    /// Number of codes.
    pub(crate) fn len(&self) -> usize {
        match self {
            Vocabulary::Hashed { rows } => *rows as usize,
            Vocabulary::Listed(listed) => listed.texts as usize,
        }
    }

    /// The ids in the order of their rows; `None` if rows are found by hash. `numbering` is that of
    /// the codes, if codes are not the rows themselves.
    pub(crate) fn ids(&self, numbering: Option<&Numbering>) -> Option<Ids> {
        let Vocabulary::Listed(listed) = self else { return None };
        let rows = numbering.map_or(listed.texts, Numbering::rows) as usize;
        let row = |code: u32| match numbering {
            Some(numbering) => numbering.row_of_one_id(code),
            None => Some(code as usize),
        };
        let mut ids = Ids::of_rows(rows);
        listed.each(|code, text| {
            if let Some(row) = row(code) {
                ids.measure(row, hash(text), text.len());
            }
        });
        ids.make_room();
        listed.each(|code, text| {
            if let Some(row) = row(code) {
                ids.put(row, text.bytes());
            }
        });
        Some(ids.finish())
    }

    /// An empty numbering of these codes; `min_count` as in [`Numbering`].
    pub(crate) fn numbering(&self, min_count: u32) -> Numbering {
        match self {
            Vocabulary::Hashed { rows } => Numbering::identity(*rows),
            Vocabulary::Listed(_) => Numbering::new(self.len(), min_count),
        }
    }
}

/// The row of `text` among `rows`: the upper part of the product scales the hash to the range.
#[inline]
fn hashed_row(text: Text, rows: u32) -> u32 {
    ((u128::from(hash(text)) * u128::from(rows)) >> 64) as u32
}

/// Mixes eight bytes at a time. The result is the same on every platform and must not change: the
/// rows of `hash_rows` and the keys of ids in checkpoints depend on it.
#[inline]
fn hash(text: Text) -> u64 {
    let start = mix(text.len() as u64);
    if (1..=8).contains(&text.len()) {
        return mix(start ^ text.word());
    }
    let (words, rest) = text.as_chunks::<8>();
    let hash = words.iter().fold(start, |hash, word| mix(hash ^ u64::from_le_bytes(*word)));
    if rest.is_empty() {
        return hash;
    }
    let mut word = [0; 8];
    word[..rest.len()].copy_from_slice(rest);
    mix(hash ^ u64::from_le_bytes(word))
}

const UNSEEN: u32 = u32::MAX;

/// Ids of codes, assigned by first occurrence.
///
/// Codes that occur less than `min_count` times share one row, *rare*, which has id 0 if there are
/// any. First count every occurrence, then number in the order of the log.
#[derive(Clone, Debug)]
pub(crate) struct Numbering {
    counts: Vec<u32>,
    ids: Vec<u32>,
    min_count: u32,
    rows: u32,
}

impl Numbering {
    /// For `codes` codes that have not occurred.
    pub(crate) fn new(codes: usize, min_count: u32) -> Numbering {
        let counts = if min_count > 1 { vec![0; codes] } else { Vec::new() };
        Numbering { counts, ids: vec![UNSEEN; codes], min_count, rows: 0 }
    }

    /// Codes that are ids. Nothing is listed: there may be more rows than memory.
    fn identity(rows: u32) -> Numbering {
        Numbering { counts: Vec::new(), ids: Vec::new(), min_count: 0, rows }
    }

    /// Counts one occurrence.
    pub(crate) fn count(&mut self, code: u32) {
        if let Some(count) = self.counts.get_mut(code as usize) {
            *count = count.saturating_add(1);
        }
    }

    /// Ends the counting: rare codes share row 0.
    pub(crate) fn settle(&mut self) {
        for (id, count) in self.ids.iter_mut().zip(&self.counts) {
            if (1..self.min_count).contains(count) {
                *id = 0;
                self.rows = 1;
            }
        }
    }

    /// The id of `code`; the next id at its first occurrence.
    pub(crate) fn id(&mut self, code: u32) -> u32 {
        let Some(id) = self.ids.get_mut(code as usize) else { return code };
        if *id == UNSEEN {
            *id = self.rows;
            self.rows += 1;
        }
        *id
    }

    /// The row that stands for this code and no other; `None` for rare and unseen codes.
    fn row_of_one_id(&self, code: u32) -> Option<usize> {
        let code = code as usize;
        let is_rare = || (1..self.min_count).contains(&self.counts[code]);
        let id = *self.ids.get(code)?;
        (id != UNSEEN && (self.counts.is_empty() || !is_rare())).then_some(id as usize)
    }

    /// Number of assigned ids, including the rare row.
    pub(crate) fn rows(&self) -> u32 {
        self.rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_follow_the_first_occurrence() {
        let mut vocabulary = Vocabulary::new(0);
        let codes: Vec<u32> =
            ["c", "a", "c", "b"].iter().map(|t| vocabulary.code((*t).into())).collect();
        assert_eq!(codes, [0, 1, 0, 2]);
        assert_eq!(
            (vocabulary.get("b".into()), vocabulary.get("z".into()), vocabulary.len()),
            (Some(2), None, 3)
        );
        let mut numbering = vocabulary.numbering(1);
        numbering.settle();
        let ids: Vec<u32> = [2, 0, 2, 1].iter().map(|code| numbering.id(*code)).collect();
        assert_eq!((ids, numbering.rows()), (vec![0, 1, 0, 2], 3));
    }

    #[test]
    fn texts_of_every_length_have_codes_of_their_own() {
        let mut vocabulary = Vocabulary::new(0);
        let texts: Vec<String> = (0..40).flat_map(|n| ["a", "b"].map(|c| c.repeat(n))).collect();
        let codes: Vec<u32> =
            texts.iter().map(|text| vocabulary.code(text.as_str().into())).collect();
        let expected: Vec<u32> = [0, 0].into_iter().chain(1..79).collect();
        assert_eq!(codes, expected);
        for (text, code) in texts.iter().zip(codes) {
            assert_eq!(vocabulary.get(text.as_str().into()), Some(code));
        }
        assert_eq!(vocabulary.len(), 79);
    }

    #[test]
    fn rare_codes_share_row_zero() {
        let mut numbering = Numbering::new(4, 2);
        for code in [3, 1, 1, 0, 2, 2] {
            numbering.count(code);
        }
        numbering.settle();
        let ids: Vec<u32> = [3, 1, 0, 2].iter().map(|code| numbering.id(*code)).collect();
        assert_eq!((ids, numbering.rows()), (vec![0, 1, 0, 2], 3));
    }

    #[test]
    fn a_row_has_the_same_key_in_every_log() {
        let ids = |texts: &[&str], min_count: u32| {
            let mut vocabulary = Vocabulary::new(0);
            let codes: Vec<u32> = texts.iter().map(|t| vocabulary.code((*t).into())).collect();
            let mut numbering = vocabulary.numbering(min_count);
            codes.iter().for_each(|code| numbering.count(*code));
            numbering.settle();
            codes.iter().rev().for_each(|code| _ = numbering.id(*code));
            vocabulary.ids(Some(&numbering)).unwrap()
        };
        let long = "a name of more than sixteen bytes";
        let (a, b) = (ids(&["x", "longer id", long], 0), ids(&[long, "x", "longer id"], 0));
        let (one, two) = (a.keys(), b.keys());
        assert_eq!((one[0], one[1], one[2]), (two[2], two[0], two[1]));
        assert_eq!((one[2], a.text(2), a.text(0)), (hash("x".into()), &b"x"[..], long.as_bytes()));
        let rare = ids(&["x", "x", "rare"], 2);
        assert_eq!(rare.keys(), [Ids::NO_ID, hash("x".into())]);
        assert_eq!((rare.text(0), rare.text(1)), (&b""[..], &b"x"[..]));
        assert_eq!(Vocabulary::new(7).ids(None), None);
    }

    #[test]
    fn hashes_are_stable_and_in_range() {
        let mut vocabulary = Vocabulary::new(1000);
        assert_eq!(vocabulary.code(b"68fd1e64".into()), vocabulary.code(b"68fd1e64".into()));
        let mut used = vec![false; 1000];
        for i in 0..5000 {
            used[vocabulary.code(i.to_string().as_str().into()) as usize] = true;
        }
        assert!(used.iter().filter(|used| **used).count() > 980);
        let one_by_one = mix(mix(mix(9) ^ u64::from_le_bytes(*b"68fd1e64")) ^ u64::from(b'x'));
        assert_eq!(hash("68fd1e64x".into()), one_by_one);
    }
}
