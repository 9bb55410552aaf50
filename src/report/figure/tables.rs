//! The rows of embedding tables over time: how many are there and wait, and how many came, returned
//! and were evicted.

use super::absent::NoFigure;
use super::axis::{Axis, AxisUnit};
use super::chart::{Chart, Figure, Panels, Plot, Series, Style};
use super::grid::{self, Grid, MOST_ROWS, evenly};
use super::number::{count, counted, short};
use super::palette::SERIES;
use super::thin;
use crate::results::RunResults;
use crate::results::tables::TableRowsRow;

/// The most tables drawn, and the most of them of which a picture shows what came and went.
const MOST_TABLES: usize = 7;
const MOST_PICTURED: usize = 2;
/// The most intervals of a table; shorter ones are joined.
const MOST_INTERVALS: usize = 200;
/// Changes are counted over this many examples.
const PER: f64 = 1000.0;

/// A way in which rows come and go: its name, its colour, and how often it has happened so far. The
/// colours are the last ones: the first ones are those of tables.
type RowChange = (&'static str, usize, fn(&TableRowsRow) -> u64);

const CHANGES: [RowChange; 4] = [
    ("new", 4, |row| {
        row.came.zip(row.returned).map_or(0, |(came, again)| came.saturating_sub(again))
    }),
    ("returned", 5, |row| row.returned.unwrap_or(0)),
    ("evicted", 6, |row| row.evicted.unwrap_or(0)),
    ("late gradients", 3, |row| row.late.unwrap_or(0)),
];

/// Whether rows of a run come and go.
pub fn are_living(run: &RunResults) -> bool {
    run.tables.is_present()
}

/// The figure.
pub fn figure(run: &RunResults) -> Result<Figure, NoFigure> {
    let rows = run.tables.rows()?;
    let mut names: Vec<&str> = Vec::new();
    for row in rows {
        if !names.contains(&row.table.as_str()) {
            names.push(&row.table);
        }
    }
    let of = |name: &&str| rows.iter().filter(|row| row.table == *name).collect();
    let tables: Vec<Vec<&TableRowsRow>> = names.iter().map(of).collect();
    let drawn = &tables[..tables.len().min(MOST_TABLES)];
    let mut plots = vec![there(drawn)];
    plots.extend(drawn.iter().filter_map(|table| changes(table)));
    let shown = plots.len().min(1 + MOST_PICTURED);
    let dry = run.settings.get("eviction.dry_run").is_some_and(|dry| dry == true);
    Ok(Figure {
        id: "rows-over-time".to_string(),
        title: "Rows of the tables over time".to_string(),
        sentence: sentence(&tables, dry),
        chart: Chart::Plots(plots, Panels::stacked(shown)),
        grid: table(rows),
        file: "tables.csv".to_string(),
    })
}

fn examples() -> Axis {
    Axis::new("examples trained on", AxisUnit::Count)
}

/// The rows that are there, and the ids that wait.
fn there(tables: &[Vec<&TableRowsRow>]) -> Plot {
    let mut series = Vec::new();
    for (place, table) in tables.iter().enumerate() {
        let line = |name: String, colour: usize, of: fn(&TableRowsRow) -> u64| {
            let points = table.iter().map(|row| (row.examples as f64, of(row) as f64));
            let line = thin::line(name, &points.collect::<Vec<_>>(), 2 * tables.len());
            Series { colour: Some(colour), ..line }
        };
        let name = &table[0].table;
        series.push(line(name.clone(), place, |row| row.rows));
        if table.iter().any(|row| row.waiting > 0) {
            // The same colour, and other dashes.
            let colour = place + SERIES.len();
            series.push(line(format!("{name}, waiting"), colour, |row| row.waiting));
        }
    }
    let most = series.iter().flat_map(Series::points).map(|point| point.1).fold(0.0, f64::max);
    let y = Axis::new("rows", AxisUnit::Count).between(0.0, 1.05 * most.max(1.0));
    Plot::new("rows", examples(), y, series)
}

/// What came and went between evaluations, as rates; `None` if nothing did.
fn changes(table: &[&TableRowsRow]) -> Option<Plot> {
    let ends: Vec<&TableRowsRow> =
        evenly(table.len(), MOST_INTERVALS + 1).map(|at| table[at]).collect();
    let rate = |of: fn(&TableRowsRow) -> u64, pair: &[&TableRowsRow]| {
        let examples = pair[1].examples.saturating_sub(pair[0].examples) as f64;
        // A restart of the job in between may make counts fall.
        let change = of(pair[1]) as f64 - of(pair[0]) as f64;
        (examples > 0.0).then(|| short(change.max(0.0) * PER / examples))
    };
    let rates = |of: fn(&TableRowsRow) -> u64| ends.windows(2).map(move |pair| rate(of, pair));
    let series = |(name, colour, of): RowChange| Series {
        name: name.to_string(),
        x: ends.iter().map(|row| short(row.examples as f64)).collect(),
        // The last rate holds until the end.
        y: rates(of).chain(rates(of).next_back()).collect(),
        style: Style::Steps,
        colour: Some(colour),
        ..Series::default()
    };
    let last = table[table.len() - 1];
    let happened = CHANGES.into_iter().filter(|(_, _, of)| of(last) > 0);
    let series: Vec<Series> = happened.map(series).collect();
    let name = &last.table;
    let title = format!("rows of {name} per {} examples", count(PER as u64));
    let has_values = series.iter().any(|series| series.points().next().is_some());
    has_values.then(|| {
        Plot::new(format!("changes: {name}"), examples(), Axis::new(title, AxisUnit::Count), series)
    })
}

fn sentence(tables: &[Vec<&TableRowsRow>], dry: bool) -> String {
    let of = |table: &Vec<&TableRowsRow>| {
        let last = table[table.len() - 1];
        let waiting = match last.waiting {
            0 => String::new(),
            waiting => format!(" and {} that wait", counted(waiting as usize, "id", "ids")),
        };
        let moved = match last.evicted.unwrap_or(0) {
            0 => String::new(),
            evicted => format!(
                " (they came {}, {} of them again; {} {})",
                counted(last.came.unwrap_or(0) as usize, "time", "times"),
                count(last.returned.unwrap_or(0)),
                count(evicted),
                if dry { "would have been evicted" } else { "were evicted" }
            ),
        };
        let rows = counted(last.rows as usize, "row", "rows");
        let has = if dry { "would have" } else { "has" };
        format!("{} {has} {rows}{waiting}{moved}", last.table)
    };
    let left_out = match tables.len() > MOST_TABLES {
        true => format!(" The first {MOST_TABLES} of {} tables are drawn.", tables.len()),
        false => String::new(),
    };
    let each: Vec<String> = tables.iter().take(MOST_TABLES).map(of).collect();
    let each = each.join(", ");
    match dry {
        true => format!(
            "With this eviction, at the end {each}.{left_out} It was a dry run: all rows stayed."
        ),
        false => format!("At the end {each}.{left_out}"),
    }
}

fn table(rows: &[TableRowsRow]) -> Grid {
    let numbers = ["rows", "waiting", "came", "returned", "evicted", "late", "bytes"];
    let columns = ["update", "examples"].map(grid::number).into_iter();
    let columns = columns.chain([grid::text("table")]).chain(numbers.map(grid::number)).collect();
    Grid::new("Rows at every evaluation", columns).fill(rows, MOST_ROWS, "tables.csv", |row| {
        let head = [count(row.update), count(row.examples), row.table.clone()];
        let lives = [row.came, row.returned, row.evicted, row.late];
        let lives = lives.map(|moved| moved.map_or_else(String::new, count));
        let there = [row.rows, row.waiting].map(count).into_iter();
        head.into_iter().chain(there).chain(lives).chain([count(row.bytes)]).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::table::Rows;

    fn run(text: &str) -> RunResults {
        let folder = tempfile::tempdir().unwrap();
        let mut run = RunResults::open(folder.path()).unwrap();
        let header =
            "update,examples,sim_s,table,rows,waiting,too_early,bytes,came,returned,evicted,late";
        run.tables = Rows::parse(&format!("{header}\n{text}")).unwrap();
        run
    }

    #[test]
    fn rates_do_not_depend_on_the_length_of_an_interval() {
        let text = "0,0,0,item,0,0,0,0,0,0,0,0\n\
                    1,100,0,item,10,3,0,0,10,0,0,0\n\
                    3,300,0,item,20,0,0,0,40,10,20,0\n";
        let figure = figure(&run(text)).unwrap();
        let Chart::Plots(plots, panels) = &figure.chart else { panic!("plots") };
        assert_eq!((plots.len(), panels.shown), (2, 2));
        let names: Vec<&str> = plots[0].series.iter().map(|line| line.name.as_str()).collect();
        assert_eq!(names, ["item", "item, waiting"]);
        let of: Vec<(&str, &[Option<f64>])> =
            plots[1].series.iter().map(|line| (line.name.as_str(), &line.y[..])).collect();
        assert_eq!(
            of,
            [
                ("new", &[Some(100.0), Some(100.0), Some(100.0)][..]),
                ("returned", &[Some(0.0), Some(50.0), Some(50.0)][..]),
                ("evicted", &[Some(0.0), Some(100.0), Some(100.0)][..]),
            ]
        );
        assert_eq!(
            figure.sentence,
            "At the end item has 20 rows (they came 40 times, 10 of them again; 20 were evicted)."
        );
    }

    #[test]
    fn rows_that_only_wait_have_no_changes() {
        let text = "0,0,0,user,0,0,0,0,0,0,0,0\n9,90,0,user,4,5,1,0,0,0,0,0\n";
        let figure = figure(&run(text)).unwrap();
        let Chart::Plots(plots, _) = &figure.chart else { panic!("plots") };
        assert_eq!(plots.len(), 1);
        assert_eq!(figure.sentence, "At the end user has 4 rows and 5 ids that wait.");
        assert!(super::figure(&run("")).is_err());
    }
}
