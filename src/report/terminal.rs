//! Small pieces of text for the terminal: sparklines and aligned tables. They have no colours, so
//! that they can be piped.

use crate::base::printable;

/// The eight heights of a sparkline.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// The same heights for terminals without block characters.
const PLAIN: [char; 8] = ['_', '.', ',', '-', '=', '+', '*', '#'];

/// Which characters may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Glyphs {
    /// Unicode block characters.
    #[default]
    Blocks,
    /// ASCII only (`--plain`).
    Plain,
}

/// A series as a line of at most `width` characters. The lowest value gets the lowest block, and
/// the highest value the highest block. A longer series is averaged over equal stretches. A stretch
/// without a finite value is a blank; a constant series is drawn at middle height.
pub fn sparkline(series: &[f64], width: usize, glyphs: Glyphs) -> String {
    let columns = stretch_means(series, width);
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for &value in columns.iter().flatten() {
        low = low.min(value);
        high = high.max(value);
    }
    let blocks = match glyphs {
        Glyphs::Blocks => BLOCKS,
        Glyphs::Plain => PLAIN,
    };
    let block = |value: f64| match high > low {
        // Both are halved first, because the difference of two finite numbers can be infinite.
        true => {
            blocks[((value / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0) * 7.0).round() as usize]
        }
        false => blocks[3],
    };
    columns.iter().map(|column| column.map_or(' ', block)).collect()
}

/// Means of the finite values in each of at most `width` stretches of equal length.
fn stretch_means(series: &[f64], width: usize) -> Vec<Option<f64>> {
    let columns = series.len().min(width);
    let mean = |column: usize| {
        let stretch =
            &series[column * series.len() / columns..(column + 1) * series.len() / columns];
        let finite: Vec<f64> = stretch.iter().copied().filter(|v| v.is_finite()).collect();
        let share = 1.0 / finite.len().max(1) as f64;
        (!finite.is_empty()).then(|| finite.iter().map(|v| v * share).sum())
    };
    (0..columns).map(mean).collect()
}

/// On which side a column's cells are padded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// An aligned table without ruled lines: two spaces between columns, no trailing blanks.
#[derive(Clone, Debug)]
pub struct TextTable {
    align: Vec<Align>,
    rows: Vec<Vec<String>>,
}

impl TextTable {
    /// An empty table whose columns are aligned as given.
    pub fn new(align: &[Align]) -> TextTable {
        TextTable { align: align.to_vec(), rows: Vec::new() }
    }

    /// Adds a row. Missing cells are blank; cells beyond the last column are aligned left. A cell is
    /// one line, whatever stands in it.
    pub fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) -> &mut TextTable {
        self.rows.push(cells.into_iter().map(|cell| printable(&cell.into())).collect());
        self
    }

    /// The table as text; every line ends in a line feed. Widths are counted in characters.
    pub fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut text = String::new();
        for row in &self.rows {
            let cells = row.iter().enumerate().map(|(i, cell)| match self.align.get(i) {
                Some(Align::Right) => format!("{cell:>w$}", w = widths[i]),
                _ => format!("{cell:<w$}", w = widths[i]),
            });
            let line = cells.collect::<Vec<_>>().join("  ");
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_ramp_uses_every_block() {
        let ramp: Vec<f64> = (0..8).map(f64::from).collect();
        assert_eq!(sparkline(&ramp, 20, Glyphs::Blocks), "▁▂▃▄▅▆▇█");
        assert_eq!(sparkline(&ramp, 20, Glyphs::Plain), "_.,-=+*#");
        assert_eq!(sparkline(&ramp, 2, Glyphs::Blocks), "▁█");
    }

    #[test]
    fn gaps_and_constants() {
        assert_eq!(sparkline(&[1.0, f64::NAN, 2.0], 3, Glyphs::Blocks), "▁ █");
        assert_eq!(sparkline(&[5.0; 3], 3, Glyphs::Blocks), "▄▄▄");
        assert_eq!(sparkline(&[], 3, Glyphs::Blocks), "");
        assert_eq!(sparkline(&[1.0], 0, Glyphs::Blocks), "");
    }

    #[test]
    fn columns_line_up() {
        let mut table = TextTable::new(&[Align::Left, Align::Right]);
        table.row(["class", "steps"]).row(["fast", "12000"]).row(["µ", "9", ""]);
        assert_eq!(table.render(), "class  steps\nfast   12000\nµ          9\n");
        assert_eq!(TextTable::new(&[]).render(), "");
    }

    proptest! {
        #[test]
        fn any_series_has_a_line(series: Vec<f64>, width in 0usize..50) {
            let line = sparkline(&series, width, Glyphs::Blocks);
            prop_assert_eq!(line.chars().count(), series.len().min(width));
        }
    }
}
