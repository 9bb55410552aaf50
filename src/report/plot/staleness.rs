//! `staleness`: how the staleness of applied gradients is distributed in each machine class.

use super::axes::{self, Axis};
use super::frame::{self, Panel, Swatch};
use super::picture::{Picture, Rect};
use super::style::{self, CATEGORIES, Ink};
use crate::report::folder::{Folder, Staleness};
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
    fn new(name: String, mut rows: Vec<&Staleness>) -> Class {
        rows.sort_by_key(|row| row.low);
        let bucket = |r: &&Staleness| (r.low as f64, r.high.max(r.low) as f64, r.count as f64);
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
        let reach = classes.iter().map(|c| c.quantile(0.999)).fold(1.0, f64::max);
        let middle = classes.iter().map(|c| c.quantile(0.5)).fold(f64::INFINITY, f64::min);
        if reach > 64.0 && reach > 6.0 * (middle + 1.0) {
            return Scale {
                logarithmic: true,
                axis: Axis::doublings(reach * 1.3),
                bin: 1.0 / BINS_PER_DOUBLING,
            };
        }
        let bin = (reach / LINEAR_BINS).ceil().max(1.0);
        Scale { logarithmic: false, axis: Axis::counts(0.0, (reach + 1.0) * 1.04, 10), bin }
    }

    fn position(&self, value: f64) -> f64 {
        if self.logarithmic { axes::doubling(value) } else { value }
    }

    /// Share of a class in each display bin, per staleness or per doubling. What a bucket holds is
    /// spread evenly over its width; a whole number `v` covers the positions from `v` to `v + 1`.
    fn density(&self, class: &Class) -> Vec<f64> {
        let bins = (self.axis.high / self.bin).ceil() as usize;
        let mut density = vec![0.0; bins];
        for &(low, high, count) in &class.buckets {
            let (from, to) = (self.position(low), self.position(high + 1.0));
            let first = (from / self.bin) as usize;
            let last = ((to / self.bin).ceil() as usize).min(bins);
            for (i, share) in density.iter_mut().enumerate().take(last).skip(first) {
                let bin = i as f64 * self.bin;
                let overlap = (to.min(bin + self.bin) - from.max(bin)).max(0.0);
                *share += count / class.total * overlap / (to - from) / self.bin;
            }
        }
        density
    }
}

/// Draws the plot; a sentence that says why not when there is nothing to draw.
pub fn draw(folder: &Folder) -> Result<Picture, String> {
    let rows = folder.staleness.rows()?;
    let classes = classes(rows);
    if classes.is_empty() {
        return Err(folder.staleness.unusable("counts no gradients by version"));
    }
    let scale = Scale::of(&classes);
    let densities: Vec<Vec<f64>> = classes.iter().map(|c| scale.density(c)).collect();
    let peak = densities.iter().flatten().copied().fold(0.0, f64::max);
    let panel = Panel {
        rect: Rect::new(150.0, frame::TOP, frame::RIGHT, frame::BOTTOM),
        x: scale.axis.clone(),
        y: Axis::percent(0.0, peak * 1.08, 7),
    };
    let mut picture = Picture::new();
    let title = "Staleness of the applied gradients";
    frame::heading(&mut picture, title, &subtitle(folder, rows, &classes));
    frame::legend(&mut picture, &legend(&classes));
    panel.draw_y(
        &mut picture,
        match scale.logarithmic {
            true => "share of the class's gradients per doubling",
            false => "share of the class's gradients per version of staleness",
        },
    );
    for (i, density) in densities.iter().enumerate() {
        draw_steps(&mut picture, &panel, density, scale.bin, ink(i));
    }
    for (i, class) in classes.iter().enumerate() {
        let column = panel.column(scale.position(class.mean));
        let line = [(column, panel.rect.bottom), (column, panel.rect.top)];
        picture.dashes(&line, 8.0, style::NORMAL, ink(i));
    }
    panel.draw_x(&mut picture, "staleness: versions applied between pull and apply");
    Ok(picture)
}

fn ink(class: usize) -> Ink {
    CATEGORIES[class % CATEGORIES.len()]
}

/// The machine classes in order of mean staleness, or all workers together when there is one.
fn classes(rows: &[Staleness]) -> Vec<Class> {
    let mut by_class: BTreeMap<&str, Vec<&Staleness>> = BTreeMap::new();
    for row in rows.iter().filter(|r| r.measure == "version" && r.count > 0) {
        by_class.entry(&row.class).or_default().push(row);
    }
    if by_class.len() > 1 {
        by_class.remove("all");
    }
    let mut classes: Vec<Class> =
        by_class.into_iter().map(|(name, rows)| Class::new(name.to_string(), rows)).collect();
    classes.sort_by(|a, b| b.total.total_cmp(&a.total));
    classes.truncate(CATEGORIES.len());
    classes.sort_by(|a, b| a.mean.total_cmp(&b.mean));
    classes
}

fn subtitle(folder: &Folder, rows: &[Staleness], classes: &[Class]) -> String {
    let counted = |r: &&Staleness| r.measure == "version" && r.count > 0;
    let mut all: Vec<&Staleness> = rows.iter().filter(counted).collect();
    if all.iter().any(|r| r.class == "all") {
        all.retain(|r| r.class == "all");
    }
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
        let name = match class.name.as_str() {
            "all" => "all workers",
            name => name,
        };
        (Swatch::Block(ink(i)), format!("{name}: mean {:.1}", class.mean))
    };
    let mut entries: Vec<(Swatch, String)> = classes.iter().enumerate().map(entry).collect();
    entries.push((Swatch::Dashes(style::GREY), "means".to_string()));
    entries
}

fn draw_steps(picture: &mut Picture, panel: &Panel, density: &[f64], bin: f64, ink: Ink) {
    let mut outline = vec![(0.0, 0.0)];
    for (i, &share) in density.iter().enumerate() {
        let (from, to) = (i as f64 * bin, (i + 1) as f64 * bin);
        let right = panel.column(to).min(panel.rect.right);
        let bar = Rect::new(panel.column(from), panel.row(share), right, panel.rect.bottom);
        if share > 0.0 {
            picture.area(bar, ink.fade(0.14));
        }
        outline.extend([(from, share), (to, share)]);
    }
    panel.line(picture, &outline, style::NORMAL, ink);
}
