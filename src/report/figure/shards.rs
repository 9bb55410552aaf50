//! The load of the shards: how busy each is, how busy its link is, and how long a step waits for it.

use super::absent::NoFigure;
use super::axis::{Axis, AxisUnit};
use super::chart::{Chart, Figure, Panels, Plot, Series, Style};
use super::grid::{self, Grid, MOST_ROWS};
use super::number::{self, percent, short, time};
use super::thin;
use crate::base::Bandwidth;
use crate::results::RunResults;
use crate::results::tables::ShardRow;

/// With more shards than this, they stand in the order of their load and have no names.
const MOST_NAMES: usize = 24;
/// The width of the bars of a shard together; the distance between shards is 1.
const BARS: f64 = 0.7;
/// The bandwidth of a shard's link, one direction.
const BANDWIDTH: &str = "cluster.network.shard_bandwidth";

/// The load of one shard: shares of the time of the run, and seconds.
#[derive(Clone, Copy, Debug)]
struct ShardLoad<'a> {
    row: &'a ShardRow,
    /// The share of the time in which it serves.
    serving: f64,
    /// The shares in which its link carries pushes inward and answers outward, if the link has a
    /// bandwidth.
    link: Option<[f64; 2]>,
    /// How long a step waits for it, its pull and its push together.
    wait: Option<f64>,
}

impl ShardLoad<'_> {
    /// The largest of its shares.
    fn busiest(&self) -> f64 {
        self.link.iter().flatten().copied().fold(self.serving, f64::max)
    }
}

/// The figure.
pub fn figure(run: &RunResults) -> Result<Figure, NoFigure> {
    let rows = run.shards.rows()?;
    let end = run.summary.sim_s;
    if !end.is_finite() || end <= 0.0 {
        return Err(run.shards.unusable("has no time that it could be compared with").into());
    }
    let bandwidth = run.settings.get(BANDWIDTH).cloned();
    let bandwidth = bandwidth.and_then(|value| serde_json::from_value::<Bandwidth>(value).ok());
    let steps = run.workers.rows().unwrap_or_default().iter().map(|worker| worker.steps);
    let steps = steps.fold(0, u64::saturating_add);
    let mut loads: Vec<ShardLoad> =
        rows.iter().map(|row| load(row, end, bandwidth, steps)).collect();
    if loads.iter().all(|load| load.busiest() <= 0.0 && load.wait.unwrap_or(0.0) <= 0.0) {
        let who = if loads.len() == 1 { "The server serves" } else { "All shards serve" };
        return Err(NoFigure::Sentence(format!(
            "{who} every request at once, and no link is busy."
        )));
    }
    if let [only] = loads.as_slice() {
        return Err(NoFigure::Sentence(format!("The server {}.", said(only))));
    }
    let sentence = sentence(&loads);
    let columns = ["shard", "serving", "link inward", "link outward", "wait of a step"];
    let columns = columns.into_iter().chain(["updates", "bytes in", "bytes out"]);
    let grid = Grid::new("Load of the shards", columns.map(grid::number).collect());
    let grid = grid.fill(&loads, MOST_ROWS, "shards.csv", |load| {
        let link = |way: usize| percent(load.link.map(|link| link[way]));
        let counts = [load.row.updates, load.row.bytes_in, load.row.bytes_out];
        let head = [load.row.shard.to_string(), percent(load.serving), link(0), link(1)];
        let wait = std::iter::once(time(load.wait));
        head.into_iter().chain(wait).chain(counts.map(number::count)).collect()
    });
    // From the busiest to the least busy, if they are too many for names.
    if loads.len() > MOST_NAMES {
        loads.sort_by(|a, b| b.busiest().total_cmp(&a.busiest()));
    }
    Ok(Figure {
        id: "shards".to_string(),
        title: "Load of the shards".to_string(),
        sentence,
        chart: Chart::Plots(plots(&loads), Panels::stacked(2)),
        grid,
        file: "shards.csv".to_string(),
    })
}

fn load(row: &ShardRow, end: f64, bandwidth: Option<Bandwidth>, steps: u64) -> ShardLoad<'_> {
    let busy = |bandwidth: Bandwidth, bytes: u64| bandwidth.time(bytes).seconds() / end;
    ShardLoad {
        row,
        serving: row.busy_s / end,
        link: bandwidth.map(|width| [row.bytes_in, row.bytes_out].map(|bytes| busy(width, bytes))),
        wait: (steps > 0).then(|| row.queue_wait_s / steps as f64),
    }
}

fn plots(loads: &[ShardLoad]) -> Vec<Plot> {
    let named = loads.len() <= MOST_NAMES;
    let axis = || match named {
        true => Axis {
            names: loads.iter().map(|load| load.row.shard.to_string()).collect(),
            ..Axis::new("shard", AxisUnit::Number).between(-0.5, loads.len() as f64 - 0.5)
        },
        false => {
            let title = format!("{} shards, from the busiest to the least busy", loads.len());
            Axis::new(title, AxisUnit::Count)
        }
    };
    let has_links = loads.iter().any(|load| load.link.is_some());
    // Bars beside each other or, of many shards, lines.
    let values =
        |name: &str, (bar, bars): (usize, usize), of: &dyn Fn(&ShardLoad) -> Option<f64>| {
            let known = |load: &ShardLoad| of(load).filter(|value| value.is_finite());
            if !named {
                let places = loads.iter().enumerate();
                let points: Vec<(f64, f64)> = places
                    .filter_map(|(place, load)| Some((place as f64 + 1.0, known(load)?)))
                    .collect();
                return thin::line(name, &points, bars);
            }
            let width = BARS / bars as f64;
            let edges = |place: usize| {
                let left = place as f64 - BARS / 2.0 + bar as f64 * width;
                [left, left + width]
            };
            Series {
                name: name.to_string(),
                x: (0..loads.len()).flat_map(edges).map(short).collect(),
                // Between the bars the outline runs along the axis.
                y: loads.iter().flat_map(|load| [known(load).map(short), Some(0.0)]).collect(),
                labels: loads.iter().flat_map(|_| [name.to_string(), String::new()]).collect(),
                style: Style::Steps,
                ..Series::default()
            }
        };
    let count = if has_links { 3 } else { 1 };
    let mut shares = vec![values("serving", (0, count), &|load| Some(load.serving))];
    if has_links {
        shares.push(values("link, pushes inward", (1, count), &|load| Some(load.link?[0])));
        shares.push(values("link, answers outward", (2, count), &|load| Some(load.link?[1])));
    }
    let coloured = |(colour, series): (usize, Series)| Series { colour: Some(colour), ..series };
    let shares = shares.into_iter().enumerate().map(coloured).collect();
    let y = Axis::new("busy share, of the time", AxisUnit::Percent);
    let mut plots = vec![Plot::new("busy", axis(), y, shares)];
    let waits = Series { colour: Some(3), ..values("wait of a step", (0, 1), &|load| load.wait) };
    if waits.points().any(|point| point.1 > 0.0) {
        let title = "wait of a step, on average";
        let most = waits.points().map(|point| point.1).fold(0.0, f64::max);
        plots.push(Plot::new(
            "wait",
            axis(),
            Axis::new(title, AxisUnit::Time).between(0.0, 1.1 * most),
            vec![waits],
        ));
    }
    plots
}

/// What one shard did, after its name.
fn said(load: &ShardLoad) -> String {
    let link = load.link.map_or_else(String::new, |[inward, outward]| {
        format!(", its link was busy {} inward and {} outward", percent(inward), percent(outward))
    });
    let wait = load.wait.map_or_else(String::new, |wait| {
        format!(", and a step waited {} in its queue on average", time(short(wait)))
    });
    format!("served requests for {} of the time{link}{wait}", percent(load.serving))
}

fn sentence(loads: &[ShardLoad]) -> String {
    let by = |a: &&ShardLoad, b: &&ShardLoad| a.busiest().total_cmp(&b.busiest());
    // Of equal shards the first.
    let Some(most) = loads.iter().rev().max_by(by) else { return String::new() };
    let mean = loads.iter().map(|load| load.serving).sum::<f64>() / loads.len() as f64;
    let links = match loads.iter().any(|load| load.link.is_some()) {
        true => "",
        false => " Links have no bandwidth, so they are never busy.",
    };
    format!(
        "Shard {} is the busiest of {}: it {}. On average a shard served for {} of the time.{links}",
        most.row.shard,
        loads.len(),
        said(most),
        percent(mean)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::table::Rows;

    fn run(busy: &[f64], bandwidth: Option<&str>) -> RunResults {
        let folder = tempfile::tempdir().unwrap();
        let mut run = RunResults::open(folder.path()).unwrap();
        let row = |(shard, busy): (usize, &f64)| format!("{shard},9,{busy},0.5,1000000,2000000\n");
        let rows: String = busy.iter().enumerate().map(row).collect();
        let header = "shard,updates,busy_s,queue_wait_s,bytes_in,bytes_out";
        run.shards = Rows::parse(&format!("{header}\n{rows}")).unwrap();
        run.workers = Rows::parse(
            "worker,class,slowdown,steps,examples,busy_s,network_s,waiting_s,staleness_mean,staleness_max\n\
             0,a,1,50,50,1,1,1,,\n",
        )
        .unwrap();
        run.summary.sim_s = 10.0;
        if let Some(text) = bandwidth {
            run.settings.insert(BANDWIDTH.to_string(), text.into());
        }
        run
    }

    #[test]
    fn the_busiest_shard_is_named_with_its_link_and_its_queue() {
        let figure = figure(&run(&[2.0, 7.0, 3.0], Some("8Mbit/s"))).unwrap();
        assert_eq!(
            figure.sentence,
            "Shard 1 is the busiest of 3: it served requests for 70.0 % of the time, its link was busy 10.0 % inward and \
             20.0 % outward, and a step waited 10.0 ms in its queue on average. On average a shard served \
             for 40.0 % of the time."
        );
        let Chart::Plots(plots, _) = figure.chart else { panic!("plots") };
        assert_eq!(plots[0].series.len(), 3);
        assert_eq!(plots[0].x.names, ["0", "1", "2"]);
        assert_eq!(plots[1].label, "wait");
    }

    #[test]
    fn hundreds_of_shards_are_lines_in_the_order_of_their_load() {
        let busy: Vec<f64> = (0..300).map(|shard| f64::from(shard % 7)).collect();
        let Chart::Plots(plots, _) = figure(&run(&busy, None)).unwrap().chart else {
            panic!("plots")
        };
        let line = &plots[0].series[0];
        assert!(line.style == Style::Line && line.x.len() <= 300);
        assert!(line.y.is_sorted_by(|a, b| a >= b), "not in order");
        assert!(plots[0].x.names.is_empty());
    }

    #[test]
    fn one_server_or_no_load_is_a_sentence() {
        let sentence = |run: &RunResults| match figure(run) {
            Err(NoFigure::Sentence(sentence)) => sentence,
            other => panic!("{other:?}"),
        };
        let one = sentence(&run(&[2.0], None));
        assert!(one.starts_with("The server served requests for 20.0 % of the time,"), "{one}");
        let mut idle = run(&[0.0, 0.0], None);
        let rows =
            "shard,updates,busy_s,queue_wait_s,bytes_in,bytes_out\n0,9,0,0,9,9\n1,9,0,0,9,9\n";
        idle.shards = Rows::parse(rows).unwrap();
        assert!(sentence(&idle).starts_with("All shards serve every request at once"));
    }
}
