//! `staleness`: how the staleness of applied gradients is distributed in each machine class.

use super::axes::{self, Axis};
use super::frame::{self, Panel, Swatch};
use super::picture::{Picture, Rect};
use super::style::{self, CATEGORIES, Ink};
use crate::results::RunResults;
use crate::results::tables::StalenessRow;
use std::collections::BTreeMap;

/// Most display bins of a linear axis.
const LINEAR_BINS: f64 = 100.0;
/// Display bins per doubling.
const BINS_PER_DOUBLING: f64 = 6.0;

/// The histogram of one class.
struct Class {
    name: String,
    /// Smallest and largest value, count; ascending.
    buckets: Vec<(f64, f64, f64)>,
    total: f64,
    mean: f64,
}

impl Class {
    fn new(name: String, mut rows: Vec<&StalenessRow>) -> Class {
        rows.sort_by_key(|row| row.low);
        let bucket = |r: &&StalenessRow| (r.low as f64, r.high.max(r.low) as f64, r.count as f64);
        let buckets: Vec<(f64, f64, f64)> = rows.iter().map(bucket).collect();
        let total: f64 = buckets.iter().map(|b| b.2).sum();
        let sum: f64 = buckets.iter().map(|b| (b.0 + b.1) / 2.0 * b.2).sum();
        Class { name, buckets, total, mean: sum / total }
    }

    /// The upper end of the bucket that a share of all values reaches.
    fn quantile(&self, share: f64) -> f64 {
        let mut seen = 0.0;
        for bucket in &self.buckets {
            seen += bucket.2;
            if seen >= share * self.total {
                return bucket.1;
            }
        }
        self.largest()
    }

    fn largest(&self) -> f64 {
        self.buckets.last().map_or(0.0, |b| b.1)
    }
}

/// A linear axis, or one of doublings where the distribution has a long tail.
struct Scale {
    logarithmic: bool,
    axis: Axis,
    /// Width of a display bin, in positions of the axis.
    bin: f64,
}

impl Scale {
    fn of(classes: &[Class]) -> Scale {
        let least = |share| classes.iter().map(|c| c.quantile(share)).fold(f64::MAX, f64::min);
        let reach = classes.iter().map(|c| c.quantile(0.999)).fold(1.0, f64::max);
        if reach > 64.0 && reach > 6.0 * (least(0.5) + 1.0) {
            return Scale {
                logarithmic: true,
                axis: Axis::doublings(0.7 * least(0.001), 1.3 * reach),
                bin: 1.0 / BINS_PER_DOUBLING,
            };
        }
        let (low, high) = (-0.5, reach * 1.04 + 0.5);
        Scale {
            logarithmic: false,
            axis: Axis::counts(low, high, ((high - low).ceil() as usize).min(10)),
            bin: (reach / LINEAR_BINS).ceil().max(1.0),
        }
    }

    fn position(&self, value: f64) -> f64 {
        if self.logarithmic { axes::doubling(value) } else { value }
    }

    fn title(&self) -> String {
        let bin = match (self.logarithmic, self.bin) {
            (true, _) => format!("in each bin, {BINS_PER_DOUBLING} to a doubling"),
            (false, 1.0) => "at each staleness".to_string(),
            (false, bin) => format!("in each bin of {bin} versions"),
        };
        format!("share of a class's gradients {bin}")
    }

    /// Where the first display bin begins: half a unit below 0, because a whole number `v` covers
    /// the positions from `v - 0.5` to `v + 0.5`.
    fn origin(&self) -> f64 {
        self.position(-0.5)
    }

    /// Share of a class in each display bin. What a bucket holds is spread evenly over its width.
    fn shares(&self, class: &Class) -> Vec<f64> {
        let bins = ((self.axis.high - self.origin()) / self.bin).ceil() as usize;
        let mut shares = vec![0.0; bins];
        for &(low, high, count) in &class.buckets {
            let from = self.position(low - 0.5) - self.origin();
            let to = self.position(high + 0.5) - self.origin();
            let first = (from / self.bin) as usize;
            let last = ((to / self.bin).ceil() as usize).min(bins);
            for (i, share) in shares.iter_mut().enumerate().take(last).skip(first) {
                let bin = i as f64 * self.bin;
                let overlap = (to.min(bin + self.bin) - from.max(bin)).max(0.0);
                *share += count / class.total * overlap / (to - from);
            }
        }
        shares
    }
}

/// Draws the plot; a sentence that says why not when there is nothing to draw.
pub fn draw(folder: &RunResults) -> Result<Picture, String> {
    let rows = folder.staleness.rows()?;
    let classes = classes(rows);
    if classes.is_empty() {
        return Err(folder.staleness.unusable("counts no gradients by version"));
    }
    let scale = Scale::of(&classes);
    let shares: Vec<Vec<f64>> = classes.iter().map(|c| scale.shares(c)).collect();
    let peak = shares.iter().flatten().copied().fold(0.0, f64::max);
    let panel = Panel {
        rect: Rect::new(150.0, frame::TOP, frame::RIGHT, frame::BOTTOM),
        x: scale.axis.clone(),
        y: Axis::percent(0.0, peak * 1.08, 7),
    };
    let mut picture = Picture::new();
    let title = "Staleness of the applied gradients";
    frame::heading(&mut picture, title, &subtitle(folder, rows, &classes));
    frame::legend(&mut picture, &legend(&classes));
    panel.draw_y(&mut picture, &scale.title());
    for (i, shares) in shares.iter().enumerate() {
        draw_steps(&mut picture, &panel, &scale, shares, ink(i));
    }
    for (i, class) in classes.iter().enumerate() {
        let mean = scale.position(class.mean);
        for line in panel.visible(&[(mean, 0.0), (mean, panel.y.high)]) {
            picture.dashes(&line, 8.0, style::NORMAL, ink(i));
        }
    }
    panel.draw_x(&mut picture, "staleness: versions applied between pull and apply");
    Ok(picture)
}

fn ink(class: usize) -> Ink {
    CATEGORIES[class % CATEGORIES.len()]
}

/// The machine classes in order of mean staleness.
fn classes(rows: &[StalenessRow]) -> Vec<Class> {
    let mut by_class: BTreeMap<&str, Vec<&StalenessRow>> = BTreeMap::new();
    for row in rows.iter().filter(|r| r.measure == "version" && r.count > 0) {
        by_class.entry(&row.class).or_default().push(row);
    }
    let mut classes: Vec<Class> =
        by_class.into_iter().map(|(name, rows)| Class::new(name.to_string(), rows)).collect();
    classes.sort_by(|a, b| b.total.total_cmp(&a.total));
    classes.truncate(CATEGORIES.len());
    classes.sort_by(|a, b| a.mean.total_cmp(&b.mean));
    classes
}

fn subtitle(folder: &RunResults, rows: &[StalenessRow], classes: &[Class]) -> String {
    let counted = |r: &&StalenessRow| r.measure == "version" && r.count > 0;
    let all: Vec<&StalenessRow> = rows.iter().filter(counted).collect();
    let named = all.iter().map(|r| &r.class).collect::<std::collections::BTreeSet<_>>().len();
    let all = Class::new(String::new(), all);
    let most = match named > classes.len() {
        true => format!("; the {} largest of {named} classes", classes.len()),
        false => String::new(),
    };
    format!(
        "{}: mean {:.1}, 99 % up to {}, largest {}, over {} gradients{most}",
        folder.summary.name,
        all.mean,
        axes::count(all.quantile(0.99)),
        axes::count(all.largest()),
        axes::count(all.total),
    )
}

fn legend(classes: &[Class]) -> Vec<(Swatch, String)> {
    let entry = |(i, class): (usize, &Class)| {
        (Swatch::Block(ink(i)), format!("{}: mean {:.1}", class.name, class.mean))
    };
    let mut entries: Vec<(Swatch, String)> = classes.iter().enumerate().map(entry).collect();
    entries.push((Swatch::Dashes(style::GREY), "means".to_string()));
    entries
}

/// Steps over the bins that hold something, lightly filled.
fn draw_steps(picture: &mut Picture, panel: &Panel, scale: &Scale, shares: &[f64], ink: Ink) {
    let mut outline = Vec::new();
    for (i, &share) in shares.iter().enumerate() {
        let left = scale.origin() + i as f64 * scale.bin;
        let (from, to) = (left.max(panel.x.low), (left + scale.bin).min(panel.x.high));
        if to <= from {
            continue;
        }
        if share > 0.0 {
            let (left, right) = (panel.column(from), panel.column(to));
            let bar = Rect::new(left, panel.row(share), right, panel.rect.bottom);
            picture.area(bar, ink.fade(0.14));
            if outline.is_empty() {
                outline.push((from, 0.0));
            }
            outline.extend([(from, share), (to, share)]);
        } else if let Some(&(end, _)) = outline.last() {
            outline.push((end, 0.0));
            panel.line(picture, &std::mem::take(&mut outline), style::NORMAL, ink);
        }
    }
    if let Some(&(end, _)) = outline.last() {
        outline.push((end, 0.0));
        panel.line(picture, &outline, style::NORMAL, ink);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::table::Rows;

    fn class(buckets: &[(u64, u64, u64)]) -> Class {
        let row = |&(low, high, count): &(u64, u64, u64)| StalenessRow {
            class: "all".to_string(),
            measure: "version".to_string(),
            low,
            high,
            count,
        };
        let rows: Vec<StalenessRow> = buckets.iter().map(row).collect();
        Class::new("all".to_string(), rows.iter().collect())
    }

    #[test]
    fn every_gradient_is_in_a_bin() {
        let narrow = class(&[(0, 0, 5), (1, 1, 10), (3, 3, 5)]);
        let scale = Scale::of(std::slice::from_ref(&narrow));
        let shares = scale.shares(&narrow);
        assert_eq!(shares[..4], [0.25, 0.5, 0.0, 0.25]);
        let wide = class(&[(0, 0, 500), (5, 5, 490), (64, 71, 5), (1024, 1151, 5)]);
        let scale = Scale::of(std::slice::from_ref(&wide));
        assert!(scale.logarithmic);
        let total: f64 = scale.shares(&wide).iter().sum();
        assert!((total - 1.0).abs() < 1e-12, "{total}");
    }

    #[test]
    fn no_name_of_a_class_is_special() {
        let rows = "class,measure,low,high,count\n\
                    all,version,1,1,10\nordinary,version,3,3,30\nall,clock_lag,0,0,10\n";
        let rows = Rows::parse(rows).unwrap().into_vec();
        let classes = classes(&rows);
        let found: Vec<(&str, f64)> = classes.iter().map(|c| (c.name.as_str(), c.total)).collect();
        assert_eq!(found, [("all", 10.0), ("ordinary", 30.0)]);
    }

    #[test]
    fn figures_come_from_the_buckets() {
        let class = class(&[(0, 0, 5), (1, 1, 10), (3, 3, 5)]);
        assert_eq!((class.mean, class.quantile(0.5), class.largest()), (1.25, 1.0, 3.0));
    }
}
