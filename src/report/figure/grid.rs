//! Tables: the data of a chart for readers who cannot see it, and tables without a chart.

/// The most rows of a table in the page; the note names the file that has all rows.
pub const MOST_ROWS: usize = 200;

/// A table with a header.
#[derive(Clone, Debug, Default)]
pub struct Grid {
    /// What it shows, for screen readers.
    pub caption: String,
    /// The names of its columns.
    pub columns: Vec<GridColumn>,
    /// Its rows; each has one cell per column.
    pub rows: Vec<Vec<String>>,
    /// How many rows are left out, and which file has them.
    pub note: Option<String>,
}

/// A column of a table.
#[derive(Clone, Debug)]
pub struct GridColumn {
    /// Its header.
    pub name: String,
    /// Whether its cells are aligned as numbers.
    pub numeric: bool,
}

impl Grid {
    /// An empty table.
    pub fn new(caption: impl Into<String>, columns: Vec<GridColumn>) -> Grid {
        Grid { caption: caption.into(), columns, rows: Vec::new(), note: None }
    }

    /// Fills it with at most `most` rows, evenly chosen, with the first and the last among them. If
    /// rows are left out, a note names the file that has all of them.
    pub fn fill<T>(
        mut self,
        items: &[T],
        most: usize,
        file: &str,
        row: impl Fn(&T) -> Vec<String>,
    ) -> Grid {
        self.rows = evenly(items.len(), most).map(|index| row(&items[index])).collect();
        if self.rows.len() < items.len() {
            self.note = Some(format!(
                "The table shows {} of {} rows, evenly chosen; all rows are in {file}.",
                self.rows.len(),
                items.len()
            ));
        }
        self
    }
}

/// A column of text.
pub fn text(name: impl Into<String>) -> GridColumn {
    GridColumn { name: name.into(), numeric: false }
}

/// A column of numbers.
pub fn number(name: impl Into<String>) -> GridColumn {
    GridColumn { name: name.into(), numeric: true }
}

/// At most `most` positions of `0..count`, evenly spread; the first and the last are among them.
pub fn evenly(count: usize, most: usize) -> impl Iterator<Item = usize> {
    let shown = count.min(most);
    (0..shown).map(move |i| if shown < 2 { 0 } else { i * (count - 1) / (shown - 1) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_tables_are_thinned_and_say_so() {
        let items: Vec<usize> = (0..1000).collect();
        let grid = Grid::new("numbers", vec![number("n")]);
        let grid = grid.fill(&items, 10, "numbers.csv", |n| vec![n.to_string()]);
        assert_eq!(grid.rows.len(), 10);
        assert_eq!((grid.rows[0][0].as_str(), grid.rows[9][0].as_str()), ("0", "999"));
        let note = grid.note.unwrap();
        assert!(note.contains("10 of 1000") && note.contains("numbers.csv"), "{note}");
    }

    #[test]
    fn short_tables_are_whole() {
        assert_eq!(evenly(3, 10).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(evenly(3, 1).collect::<Vec<_>>(), [0]);
        assert_eq!(evenly(0, 10).count(), 0);
    }
}
