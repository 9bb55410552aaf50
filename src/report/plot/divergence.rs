//! `divergence`: how far the workers' views are from the server's parameters, by layer, over time.

use super::axes::{self, Axis};
use super::frame::{self, Panel, Swatch};
use super::picture::{Picture, Rect};
use super::style::{self, CATEGORIES, GREY, Ink};
use crate::results::RunResults;
use crate::results::tables::DivergenceRow;

/// The line of one layer.
struct Layer {
    name: String,
    sparse: bool,
    /// Simulated seconds and mean distance.
    values: Vec<(f64, f64)>,
    /// The farthest worker at the last moment.
    farthest: Option<f64>,
}

impl Layer {
    fn last(&self) -> f64 {
        self.values.last().map_or(0.0, |v| v.1)
    }
}

/// Draws the plot; a sentence that says why not when there is nothing to draw.
pub fn draw(folder: &RunResults) -> Result<Picture, String> {
    let rows = folder.divergence.rows()?;
    let found = ["from_server", "from_each_other"]
        .into_iter()
        .map(|measure| (measure, layers(rows, measure)))
        .find(|(_, layers)| !layers.is_empty());
    let Some((measure, mut layers)) = found else {
        return Err(folder.divergence.unusable("holds no distances"));
    };
    let found = layers.len();
    layers.truncate(CATEGORIES.len());
    let values = || layers.iter().flat_map(|l| &l.values);
    let peak = values().map(|v| v.1).fold(0.0, f64::max);
    let end = values().map(|v| v.0).fold(0.0, f64::max);
    let panel = Panel {
        rect: Rect::new(150.0, frame::TOP, 1340.0, frame::BOTTOM),
        x: Axis::time(0.0, end, 7),
        y: Axis::percent(0.0, peak.max(1e-12) * 1.06, 7),
    };
    let mut picture = Picture::new();
    let title = match measure {
        "from_server" => "How far the workers' views are from the server",
        _ => "How far the workers' views are from each other",
    };
    frame::heading(&mut picture, title, &subtitle(folder, &layers, found));
    frame::legend(&mut picture, &legend(&layers));
    panel.draw_y(&mut picture, "mean distance over the norm of the server's weights");
    panel.draw_x(&mut picture, "simulated time");
    for (i, layer) in layers.iter().enumerate().rev() {
        draw_layer(&mut picture, &panel, layer, ink(i));
    }
    let label = |(i, layer): (usize, &Layer)| {
        let text = format!("{} {}", layer.name, axes::percent(layer.last()));
        (panel.row(layer.last()), ink(i), text)
    };
    let labels: Vec<(f64, Ink, String)> = layers.iter().enumerate().map(label).collect();
    frame::end_labels(&mut picture, panel.rect.right, &labels, &panel.rect);
    Ok(picture)
}

fn ink(layer: usize) -> Ink {
    CATEGORIES[layer % CATEGORIES.len()]
}

/// All layers with a distance, the farthest at the end first.
fn layers(rows: &[DivergenceRow], measure: &str) -> Vec<Layer> {
    let mut layers: Vec<Layer> = Vec::new();
    for row in rows.iter().filter(|r| r.measure == measure) {
        let Some(mean) = row.mean.filter(|m| m.is_finite() && row.sim_s.is_finite()) else {
            continue;
        };
        let sparse = row.group == "sparse";
        let known = layers.iter().position(|l| l.name == row.layer && l.sparse == sparse);
        let index = known.unwrap_or_else(|| {
            layers.push(Layer {
                name: row.layer.clone(),
                sparse,
                values: Vec::new(),
                farthest: None,
            });
            layers.len() - 1
        });
        layers[index].values.push((row.sim_s, mean));
        layers[index].farthest = row.max.filter(|m| m.is_finite());
    }
    layers.sort_by(|a, b| b.last().total_cmp(&a.last()));
    layers
}

fn subtitle(folder: &RunResults, layers: &[Layer], found: usize) -> String {
    let first = &layers[0];
    let farthest = match first.farthest {
        Some(max) => format!(" (farthest worker: {})", axes::percent(max)),
        None => String::new(),
    };
    let most = match found > layers.len() {
        true => format!("; {} of {found} layers shown", layers.len()),
        false => String::new(),
    };
    format!(
        "{}: at the end {} differs most, by {}{farthest}{most}",
        folder.summary.name,
        first.name,
        axes::percent(first.last()),
    )
}

fn legend(layers: &[Layer]) -> Vec<(Swatch, String)> {
    let mut entries = Vec::new();
    if layers.iter().any(|l| !l.sparse) {
        entries.push((Swatch::Line(GREY, style::NORMAL), "dense layer".to_string()));
    }
    if layers.iter().any(|l| l.sparse) {
        entries.push((Swatch::Dashes(GREY), "embedding table (rows held)".to_string()));
    }
    entries
}

fn draw_layer(picture: &mut Picture, panel: &Panel, layer: &Layer, ink: Ink) {
    if layer.sparse {
        for piece in panel.visible(&layer.values) {
            picture.dashes(&piece, 9.0, style::NORMAL, ink);
        }
    } else {
        panel.line(picture, &layer.values, style::NORMAL, ink);
    }
    if let Some(&(x, y)) = layer.values.last() {
        picture.disc(panel.at(x, y), 4.5, ink);
    }
}
