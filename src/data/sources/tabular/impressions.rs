//! Rows that list several candidates: each becomes an example.

use super::config::ImpressionsConfig;
use crate::data::reading::bad_rows::{BadRowKind, Fault};
use crate::data::reading::cell::LabelRule;
use crate::data::reading::list;
use crate::data::reading::split::Span;
use crate::data::reading::text::Text;

/// The candidates of one row: where their ids are in the cell, and whether they are positive.
#[derive(Clone, Debug, Default)]
pub(crate) struct Candidates {
    found: Vec<(Span, bool)>,
}

impl Candidates {
    /// Reads the cell of candidates, and that of the clicked ones if there is such a column.
    pub(crate) fn read(
        &mut self,
        settings: &ImpressionsConfig,
        rule: &LabelRule,
        cell: Text,
        clicked: Option<Text>,
    ) -> Result<(), Fault> {
        self.found.clear();
        let separator = settings.separator as u8;
        let mut start = 0;
        let list = list::is_list(&cell);
        let apart = |byte: &u8| if list { *byte == 0 } else { *byte == separator };
        for entry in cell.split(apart) {
            let span = Span::new(start, start + entry.len());
            start += entry.len() + 1;
            // A blank too many, or the mark before the first element of a list.
            if entry.is_empty() {
                continue;
            }
            let candidate = match clicked {
                Some(clicked) => (span, has(&clicked, separator, entry)),
                None => marked(entry, span, settings.mark, rule)?,
            };
            self.found.push(candidate);
        }
        match self.found.is_empty() {
            true => Err(Fault::new(BadRowKind::EmptyField, "the row has no candidate")),
            false => Ok(()),
        }
    }

    /// The candidates: id and label.
    pub(crate) fn iter<'t>(&self, cell: Text<'t>) -> impl Iterator<Item = (Text<'t>, bool)> {
        let text = move |span: &Span| &cell.bytes()[span.start as usize..span.end as usize];
        self.found.iter().map(move |(span, positive)| (text(span).into(), *positive))
    }
}

/// Whether a cell of clicked ids has this one.
fn has(clicked: &[u8], separator: u8, id: &[u8]) -> bool {
    match list::is_list(clicked) {
        true => list::elements(clicked).any(|element| element == id),
        false => clicked.split(|byte| *byte == separator).any(|element| element == id),
    }
}

/// A candidate with its label, as `N123-1`.
fn marked(entry: &[u8], span: Span, mark: char, rule: &LabelRule) -> Result<(Span, bool), Fault> {
    let at = entry.iter().rposition(|byte| *byte == mark as u8).filter(|at| *at > 0);
    let Some(at) = at else {
        let what = format!("a candidate must be an id, {mark:?} and a label, as \"N123{mark}1\"");
        return Err(Fault::cell(BadRowKind::BadLabel, what, entry));
    };
    let positive = rule.positive(entry[at + 1..].into())?;
    Ok((Span { end: span.start + at as u32, ..span }, positive))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(cell: &str, clicked: Option<&str>) -> Result<Vec<(String, bool)>, BadRowKind> {
        let (settings, mut candidates) = (ImpressionsConfig::default(), Candidates::default());
        candidates
            .read(&settings, &LabelRule::ZeroOrOne, cell.into(), clicked.map(Text::from))
            .map_err(|fault| fault.kind)?;
        let text = |id: Text| String::from_utf8_lossy(&id).into_owned();
        Ok(candidates.iter(cell.into()).map(|(id, positive)| (text(id), positive)).collect())
    }

    #[test]
    fn every_candidate_has_its_own_label() {
        let expected = [("N-1".to_string(), true), ("N2".to_string(), false)];
        assert_eq!(read("N-1-1  N2-0", None).unwrap(), expected);
        assert_eq!(read("N-1 N2", Some("N3 N-1")).unwrap(), expected);
        assert_eq!(read("\0N-1\0N2", Some("\0N-1")).unwrap(), expected);
        for (cell, kind) in [
            ("N1", BadRowKind::BadLabel),
            ("-1", BadRowKind::BadLabel),
            ("N1-2", BadRowKind::BadLabel),
            ("", BadRowKind::EmptyField),
            (" ", BadRowKind::EmptyField),
        ] {
            assert_eq!(read(cell, None), Err(kind), "{cell}");
        }
    }
}
