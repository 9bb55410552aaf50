//! Cells, and the types that columns can have.

use std::borrow::Cow;

use crate::base::WorkerId;
use crate::results::state::State;
use crate::sim::by_row::RowSplit;
use crate::sim::serving::{ItemSplit, ServedCopy};
use crate::sim::{Activity, EvaluatedView};

/// The type of the cells of a column.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CellKind {
    /// Texts.
    Text,
    /// Whole numbers.
    Whole,
    /// Numbers.
    Number,
    /// True or false.
    Flag,
}

/// One cell. Numbers are written in the shortest form that reads back the same.
#[derive(Clone, PartialEq, Debug)]
pub enum Cell<'a> {
    /// Nothing.
    Empty,
    /// Text; a leading `=`, `+`, `-` or `@` is escaped, so that spreadsheets do not take it for a
    /// formula.
    Text(Cow<'a, str>),
    /// A whole number.
    Whole(i128),
    /// A number; NaN and infinity are left empty.
    Number(f64),
    /// True or false.
    Flag(bool),
}

impl Cell<'_> {
    /// The cell with this text, in a column of this kind.
    ///
    /// # Errors If the text is not of this kind; says which kind it is not.
    pub fn read(kind: CellKind, text: &str) -> Result<Cell<'_>, String> {
        Ok(match kind {
            _ if text.is_empty() => Cell::Empty,
            CellKind::Text | CellKind::Flag => Cell::Text(text.into()),
            CellKind::Whole => Cell::Whole(text.parse().map_err(|_| no(text, "whole number"))?),
            CellKind::Number => f64::read(text).map(Cell::Number)?.finite(),
        })
    }

    /// The cell, but empty in place of NaN and infinity.
    pub fn finite(self) -> Self {
        match self {
            Cell::Number(number) if !number.is_finite() => Cell::Empty,
            cell => cell,
        }
    }
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(text: &'a str) -> Cell<'a> {
        Cell::Text(text.into())
    }
}

impl From<Option<f64>> for Cell<'_> {
    fn from(value: Option<f64>) -> Self {
        value.map_or(Cell::Empty, Cell::Number).finite()
    }
}

/// A type that a column can have.
pub trait CellType: Sized {
    /// The type of its cells.
    const KIND: CellKind;
    /// Whether a cell may be empty.
    const OPTIONAL: bool = false;

    /// The value as a cell.
    fn cell(&self) -> Cell<'_>;

    /// The value with this text.
    ///
    /// # Errors If the text is not such a value; says which value it is not.
    fn read(text: &str) -> Result<Self, String>;
}

fn no(text: &str, what: &str) -> String {
    format!("{text:?} is no {what}")
}

impl<T: CellType> CellType for Option<T> {
    const KIND: CellKind = T::KIND;
    const OPTIONAL: bool = true;

    fn cell(&self) -> Cell<'_> {
        self.as_ref().map_or(Cell::Empty, T::cell)
    }

    fn read(text: &str) -> Result<Self, String> {
        if text.is_empty() { Ok(None) } else { T::read(text).map(Some) }
    }
}

macro_rules! whole {
    ($($Type:ty),+) => {
        $( impl CellType for $Type {
            const KIND: CellKind = CellKind::Whole;

            fn cell(&self) -> Cell<'_> {
                Cell::Whole(*self as i128)
            }

            fn read(text: &str) -> Result<Self, String> {
                text.parse().map_err(|_| no(text, "whole number"))
            }
        } )+
    };
}

whole!(u8, u32, u64, usize);

impl CellType for f64 {
    const KIND: CellKind = CellKind::Number;

    fn cell(&self) -> Cell<'_> {
        Cell::Number(*self)
    }

    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| no(text, "number"))
    }
}

impl CellType for String {
    const KIND: CellKind = CellKind::Text;

    fn cell(&self) -> Cell<'_> {
        self.as_str().into()
    }

    fn read(text: &str) -> Result<Self, String> {
        Ok(text.to_string())
    }
}

/// The one of `all` that is called `text`.
fn named<T: Copy>(text: &str, all: &[T], name: fn(T) -> &'static str) -> Result<T, String> {
    let found = all.iter().copied().find(|one| name(*one) == text);
    found.ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|one| name(*one)).collect();
        format!("{text:?} is none of {}", names.join(", "))
    })
}

impl CellType for Activity {
    const KIND: CellKind = CellKind::Text;

    fn cell(&self) -> Cell<'_> {
        self.name().into()
    }

    fn read(text: &str) -> Result<Self, String> {
        named(text, &Activity::ALL, Activity::name)
    }
}

impl CellType for RowSplit {
    const KIND: CellKind = CellKind::Text;

    fn cell(&self) -> Cell<'_> {
        self.name().into()
    }

    fn read(text: &str) -> Result<Self, String> {
        named(text, &RowSplit::ALL, RowSplit::name)
    }
}

impl CellType for ServedCopy {
    const KIND: CellKind = CellKind::Text;

    fn cell(&self) -> Cell<'_> {
        self.name().into()
    }

    fn read(text: &str) -> Result<Self, String> {
        named(text, &ServedCopy::ALL, ServedCopy::name)
    }
}

impl CellType for ItemSplit {
    const KIND: CellKind = CellKind::Text;

    fn cell(&self) -> Cell<'_> {
        self.name().into()
    }

    fn read(text: &str) -> Result<Self, String> {
        named(text, &ItemSplit::ALL, ItemSplit::name)
    }
}

impl CellType for State {
    const KIND: CellKind = CellKind::Text;

    fn cell(&self) -> Cell<'_> {
        self.name().into()
    }

    fn read(text: &str) -> Result<Self, String> {
        named(text, &[State::Done, State::Failed, State::ToDo], State::name)
    }
}

impl CellType for EvaluatedView {
    const KIND: CellKind = CellKind::Text;

    fn cell(&self) -> Cell<'_> {
        match self {
            EvaluatedView::Server => "server".into(),
            EvaluatedView::Worker(worker) => Cell::Text(format!("worker:{}", worker.0).into()),
            EvaluatedView::MeanOfViews => "mean_of_views".into(),
            EvaluatedView::MeanOfPredictions => "mean_of_predictions".into(),
        }
    }

    fn read(text: &str) -> Result<Self, String> {
        let worker = || Some(WorkerId(text.strip_prefix("worker:")?.parse().ok()?));
        match text {
            "server" => Ok(EvaluatedView::Server),
            "mean_of_views" => Ok(EvaluatedView::MeanOfViews),
            "mean_of_predictions" => Ok(EvaluatedView::MeanOfPredictions),
            _ => worker().map(EvaluatedView::Worker).ok_or_else(|| no(text, "known view")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads_back<T: CellType + PartialEq + std::fmt::Debug>(value: T, text: &str) {
        let mut line = String::new();
        super::super::writer::push_row(&mut line, &[value.cell()]);
        assert_eq!(line.trim_end(), text);
        assert_eq!(T::read(text).as_ref(), Ok(&value));
    }

    #[test]
    fn cells_read_back_as_they_are_written() {
        reads_back(0.1, "0.1");
        reads_back(3.0, "3");
        reads_back(u64::MAX, "18446744073709551615");
        reads_back(None::<f64>, "");
        reads_back(Some(2u32), "2");
        reads_back(EvaluatedView::Worker(WorkerId(7)), "worker:7");
        reads_back(EvaluatedView::MeanOfViews, "mean_of_views");
        Activity::ALL.iter().for_each(|activity| reads_back(*activity, activity.name()));
        RowSplit::ALL.iter().for_each(|split| reads_back(*split, split.name()));
        ItemSplit::ALL.iter().for_each(|split| reads_back(*split, split.name()));
        ServedCopy::ALL.iter().for_each(|copy| reads_back(*copy, copy.name()));
        assert!(Activity::read("dance").unwrap_err().contains("wait, held, pull"));
        assert!(EvaluatedView::read("worker:x").is_err() && f64::read("").is_err());
    }
}
