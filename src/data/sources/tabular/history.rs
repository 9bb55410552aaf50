//! Histories of a table: the ids of earlier events in a cell, and beside them, in other cells, what
//! else is known of the same events.

use super::config::{HistoryConfig, HistoryOrder};
use super::history_look::HistoryLook;
use crate::data::Remark;
use crate::data::log::growing::{Growing, Room};
use crate::data::log::vocabulary::Vocabulary;
use crate::data::reading::bad_rows::{BadRowKind, Fault};
use crate::data::reading::list;
use crate::data::reading::split::{Span, is_blank};
use crate::data::reading::text::Text;

/// The ids in the history cells of one row, column by column, and which of them are events.
#[derive(Clone, Debug, Default)]
pub(crate) struct HistoryRow {
    ids: Vec<Vec<Span>>,
    /// Positions of the events, the oldest first.
    events: Vec<usize>,
}

impl HistoryRow {
    /// Reads the cells; `cell` takes the number of a history. Changes nothing else on a fault.
    pub(crate) fn read<'t>(
        &mut self,
        settings: &[HistoryConfig],
        trim: bool,
        cell: impl Fn(usize) -> Text<'t>,
    ) -> Result<(), Fault> {
        self.ids.resize(settings.len(), Vec::new());
        for (at, (ids, settings)) in self.ids.iter_mut().zip(settings).enumerate() {
            ids_of(&cell(at), settings, trim, ids)?;
        }
        let len = self.ids.first().map_or(0, Vec::len);
        if let Some(other) = self.ids.iter().position(|ids| ids.len() != len) {
            let detail = format!(
                "the histories {:?} and {:?} have {len} and {} ids, and must have as many",
                settings[0].column,
                settings[other].column,
                self.ids[other].len()
            );
            return Err(Fault::new(BadRowKind::WrongType, detail));
        }
        let is_padding = |position: usize| {
            settings.iter().enumerate().any(|(at, settings)| {
                let padding = settings.padding.as_ref();
                padding.is_some_and(|padding| {
                    text(&cell(at), self.ids[at][position]) == padding.as_bytes()
                })
            })
        };
        self.events.clear();
        self.events.extend((0..len).filter(|position| !is_padding(*position)));
        let first = settings.first();
        if first.is_some_and(|settings| settings.order == HistoryOrder::RecentFirst) {
            self.events.reverse();
        }
        let longest = settings.iter().map(|settings| settings.max_len).min().unwrap_or(0);
        self.events.drain(..self.events.len().saturating_sub(longest));
        Ok(())
    }
}

fn text(cell: &[u8], id: Span) -> &[u8] {
    &cell[id.start as usize..id.end as usize]
}

/// Finds the ids of a cell.
fn ids_of(
    cell: &[u8],
    settings: &HistoryConfig,
    trim: bool,
    ids: &mut Vec<Span>,
) -> Result<(), Fault> {
    ids.clear();
    if cell.is_empty() {
        return Ok(());
    }
    if list::is_list(cell) {
        let mut start = 1;
        for element in list::elements(cell) {
            ids.push(Span::new(start, start + element.len()));
            start += element.len() + 1;
        }
    } else if settings.brackets {
        bracketed(cell, ids)?;
    } else {
        let mut start = 0;
        for id in cell.split(|byte| *byte == settings.separator as u8) {
            ids.push(Span::new(start, start + id.len()));
            start += id.len() + 1;
        }
    }
    if trim {
        ids.iter_mut().for_each(|id| *id = id.trimmed(cell));
    }
    match ids.iter().any(|id| id.is_empty()) {
        true => Err(Fault::cell(BadRowKind::EmptyField, "an id of the history is empty", cell)),
        false => Ok(()),
    }
}

/// The ids of a list as JSON, Python or NumPy print it: in brackets, with commas or blanks between
/// them, in quotes or not.
fn bracketed(cell: &[u8], ids: &mut Vec<Span>) -> Result<(), Fault> {
    let fault = |what: &str| Err(Fault::cell(BadRowKind::WrongType, what, cell));
    let ([b'[', inside @ .., b']'] | [b'(', inside @ .., b')']) = cell else {
        return fault("the history must stand in brackets");
    };
    let apart = |byte: u8| is_blank(byte) || matches!(byte, b',' | b'\r' | b'\n');
    let mut at = 0;
    while at < inside.len() {
        let byte = inside[at];
        if apart(byte) {
            at += 1;
            continue;
        }
        let (start, end) = match byte {
            b'"' | b'\'' => {
                let Some(len) = inside[at + 1..].iter().position(|next| *next == byte) else {
                    return fault("a quote in the history is never closed");
                };
                (at + 1, at + 1 + len)
            }
            _ => (
                at,
                inside[at..]
                    .iter()
                    .position(|next| apart(*next))
                    .map_or(inside.len(), |len| at + len),
            ),
        };
        if &inside[start..end] == b"..." {
            return fault("the history was cut short when it was printed");
        }
        ids.push(Span::new(start + 1, end + 1));
        at = end + usize::from(matches!(byte, b'"' | b'\''));
    }
    Ok(())
}

/// The histories read so far.
#[derive(Debug)]
pub(crate) struct HistoryCells<'r> {
    settings: Vec<HistoryConfig>,
    /// For each history, the categorical column whose vocabulary it shares.
    pub(crate) fields: Vec<usize>,
    looks: Vec<HistoryLook>,
    /// Codes, `[events x histories]`, oldest first.
    pub(crate) events: Growing<'r, u32>,
    /// First event and number of events per example.
    pub(crate) spans: Growing<'r, [u32; 2]>,
    /// The last of them.
    last: [u32; 2],
}

impl<'r> HistoryCells<'r> {
    /// No histories yet; `fields` has the categorical column of each.
    pub(crate) fn new(
        settings: &[HistoryConfig],
        fields: Vec<usize>,
        room: &'r Room,
    ) -> HistoryCells<'r> {
        HistoryCells {
            settings: settings.to_vec(),
            fields,
            looks: settings.iter().map(|_| HistoryLook::default()).collect(),
            events: Growing::new(room),
            spans: Growing::new(room),
            last: [0, 0],
        }
    }

    /// Adds the history of an example.
    pub(crate) fn push<'t>(
        &mut self,
        row: &HistoryRow,
        cell: impl Fn(usize) -> Text<'t>,
        vocabularies: &mut [Vocabulary],
    ) {
        let first = self.events.len() / self.fields.len();
        for position in &row.events {
            for (at, field) in self.fields.iter().enumerate() {
                let id = text(cell(at).bytes(), row.ids[at][*position]);
                self.events.push(vocabularies[*field].code(id.into()));
            }
        }
        for (at, look) in self.looks.iter_mut().enumerate() {
            look.at(cell(at).bytes(), &row.ids[at], self.settings[at].separator);
        }
        // A log of more than 2^32 events is refused before it is used.
        self.last = [first as u32, row.events.len() as u32];
        self.spans.push(self.last);
    }

    /// Gives the example just added the history of the one before it.
    pub(crate) fn repeat(&mut self) {
        self.spans.push(self.last);
    }

    /// What the cells look like beside the settings.
    pub(crate) fn remarks(&self) -> Vec<Remark> {
        let looks = self.looks.iter().zip(&self.settings);
        looks.filter_map(|(look, settings)| look.remark(settings)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(cell: &str, settings: &HistoryConfig) -> Result<Vec<String>, BadRowKind> {
        let mut ids = Vec::new();
        ids_of(cell.as_bytes(), settings, true, &mut ids).map_err(|fault| fault.kind)?;
        let show = |id| String::from_utf8_lossy(text(cell.as_bytes(), id)).into_owned();
        Ok(ids.into_iter().map(show).collect())
    }

    #[test]
    fn ids_stand_in_brackets_as_programs_print_them() {
        let settings = HistoryConfig { brackets: true, ..HistoryConfig::default() };
        for cell in
            ["[12, 34]", "[12 34]", "['12', '34']", "[ \"12\",\"34\" ]", "(12, 34)", "[12\n 34]"]
        {
            assert_eq!(ids(cell, &settings).unwrap(), ["12", "34"], "{cell}");
        }
        assert_eq!(ids("['a b', c]", &settings).unwrap(), ["a b", "c"]);
        assert_eq!(ids("[]", &settings).unwrap(), [""; 0]);
        for cell in ["12, 34", "[12", "[1 2 ... 9]", "['12]"] {
            assert_eq!(ids(cell, &settings), Err(BadRowKind::WrongType), "{cell}");
        }
        assert_eq!(ids("['']", &settings), Err(BadRowKind::EmptyField));
    }

    #[test]
    fn lists_of_a_file_need_no_setting() {
        let settings = HistoryConfig::default();
        assert_eq!(ids("\x0012\x0034", &settings).unwrap(), ["12", "34"]);
        assert_eq!(ids("12 | 34", &settings).unwrap(), ["12", "34"]);
        assert_eq!(ids("\x00", &settings), Err(BadRowKind::EmptyField));
    }
}
