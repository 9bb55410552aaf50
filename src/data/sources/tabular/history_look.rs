//! What the cells of a history look like, to notice that something else is meant.

use rustc_hash::FxHashMap;

use super::config::HistoryConfig;
use crate::data::Remark;
use crate::data::bad_row::excerpt;
use crate::data::reading::list;
use crate::data::reading::split::Span;

/// Characters that often separate ids.
const SEPARATORS: [u8; 5] = [b' ', b',', b';', b'|', b'^'];

/// The cells of one history, as seen so far.
#[derive(Clone, Debug, Default)]
pub(super) struct HistoryLook {
    cells: u64,
    /// Cells that are not empty.
    filled: u64,
    bracketed: u64,
    /// Cells with more than one id.
    separated: u64,
    /// Cells of a single id that has another common separator in it: the first such cell.
    joined: u64,
    example: Option<String>,
    padding: PaddingLook,
}

impl HistoryLook {
    /// Looks at a cell and its ids.
    pub(super) fn at(&mut self, cell: &[u8], ids: &[Span], separator: char) {
        self.cells += 1;
        if cell.is_empty() {
            return;
        }
        self.filled += 1;
        self.separated += u64::from(ids.len() > 1);
        self.padding.at(cell, ids);
        if list::is_list(cell) {
            return;
        }
        let bracketed = cell.starts_with(b"[") && cell.ends_with(b"]");
        let other = |byte: &u8| SEPARATORS.contains(byte) && *byte != separator as u8;
        let joined = ids.len() == 1 && cell.iter().any(other);
        self.bracketed += u64::from(bracketed);
        self.joined += u64::from(joined);
        if bracketed || joined {
            self.example.get_or_insert_with(|| excerpt(cell));
        }
    }

    /// What looks as if it were not meant.
    pub(super) fn remark(&self, settings: &HistoryConfig) -> Option<Remark> {
        let column = &settings.column;
        let example = self.example.as_deref().unwrap_or_default();
        if !settings.brackets && self.bracketed > 0 && 2 * self.bracketed > self.filled {
            return Some(Remark::new(
                "data.history.brackets",
                format!(
                    "the cells of {column:?} look like lists in brackets, as {example}, and are read as text"
                ),
                "write `brackets = true` beside the column",
            ));
        }
        if !settings.brackets && self.separated == 0 && 2 * self.joined > self.filled {
            return Some(Remark::new(
                "data.history.separator",
                format!(
                    "no cell of {column:?} has the separator {:?}, and most look like several ids, as {example}: each is one id",
                    settings.separator.to_string()
                ),
                "write the character between the ids as `separator`",
            ));
        }
        let (id, rows) = match settings.padding {
            None => self.padding.found()?,
            Some(_) => return None,
        };
        Some(Remark::new(
            "data.history.padding",
            format!(
                "every cell of {column:?} has {} ids, and {rows} of {} have {id} at one end and nowhere else, \
                 which looks like padding and counts as events",
                self.padding.width, self.padding.cells
            ),
            format!("if {id} stands for nothing, write `padding = {id}` beside the column"),
        ))
    }
}

/// Where ids stand in cells that all have as many.
#[derive(Clone, Debug, Default)]
struct PaddingLook {
    /// Ids of a cell.
    width: usize,
    cells: u64,
    /// Whether cells differ in their number of ids; then nothing more is counted.
    uneven: bool,
    places: FxHashMap<Box<[u8]>, [Place; 2]>,
}

/// How an id stands at one end of cells.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    /// Cells that have it there.
    cells: u64,
    /// The most times in a row.
    run: usize,
    /// Whether it stands elsewhere too.
    elsewhere: bool,
}

impl PaddingLook {
    fn at(&mut self, cell: &[u8], ids: &[Span]) {
        self.cells += 1;
        if self.cells == 1 {
            self.width = ids.len();
        }
        if self.uneven || ids.len() != self.width || self.width < 2 {
            (self.uneven, self.places) = (true, FxHashMap::default());
            return;
        }
        let text = |id: &Span| &cell[id.start as usize..id.end as usize];
        let (first, last) = (text(&ids[0]), text(&ids[ids.len() - 1]));
        let front = ids.iter().take_while(|id| text(id) == first).count();
        let back = ids.iter().rev().take_while(|id| text(id) == last).count();
        for (at, id) in ids.iter().enumerate() {
            let id = text(id);
            let places = match self.places.get_mut(id) {
                Some(places) => places,
                None => self.places.entry(id.into()).or_default(),
            };
            places[0].elsewhere |= at >= front;
            places[1].elsewhere |= at < ids.len() - back;
        }
        for (end, id, run) in [(0, first, front), (1, last, back)] {
            if let Some(places) = self.places.get_mut(id) {
                places[end].cells += 1;
                places[end].run = places[end].run.max(run);
            }
        }
    }

    /// The id that looks like padding, quoted, and the number of its cells.
    fn found(&self) -> Option<(String, u64)> {
        let padding = |place: &Place| !place.elsewhere && place.run > 1 && place.cells > 1;
        let ids = self.places.iter();
        let ids = ids.flat_map(|(id, places)| places.iter().map(move |place| (place, id)));
        // The order of the map must not decide between equals.
        let found = ids.filter(|(place, _)| padding(place));
        let most = found.max_by(|(a, a_id), (b, b_id)| (a.cells, b_id).cmp(&(b.cells, a_id)));
        most.map(|(place, id)| (format!("{:?}", String::from_utf8_lossy(id)), place.cells))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remark(cells: &[&str]) -> Option<Remark> {
        let (settings, mut look) = (HistoryConfig::default(), HistoryLook::default());
        for cell in cells {
            let mut start = 0;
            let span = |id: &str| {
                start += id.len() + 1;
                Span::new(start - id.len() - 1, start - 1)
            };
            let ids: Vec<Span> = cell.split('|').map(span).collect();
            look.at(cell.as_bytes(), &ids, '|');
        }
        look.remark(&settings)
    }

    #[test]
    fn padding_is_an_id_that_ends_cells_of_one_width() {
        let padded = remark(&["34|56|0|0", "12|0|0|0", "0|0|0|0", "12|34|56|12"]).unwrap();
        assert!(
            padded.message.contains("has 4 ids") && padded.message.contains("\"0\""),
            "{padded}"
        );
        assert!(remark(&["0|0|34|56", "0|0|0|12"]).unwrap().help.contains("padding = \"0\""));
        for cells in [
            &["34|56|0|0", "12|0", "0|0|0|0"][..],
            &["1|2|3", "3|2|1", "2|2|3"],
            &["1|0|0", "0|1|0", "2|0|0"],
            &["1|2|2"],
        ] {
            assert_eq!(remark(cells), None, "{cells:?}");
        }
    }

    #[test]
    fn lists_and_other_separators_are_noticed() {
        assert_eq!(remark(&["[12, 34]", "[12]"]).unwrap().key, "data.history.brackets");
        assert_eq!(remark(&["12 34", "12 56 7", "9"]).unwrap().key, "data.history.separator");
        assert_eq!(remark(&["12|3 4", "1 2"]), None);
    }
}
