//! `straggler compare --oscillation`: does the training loss, or the quality, oscillate with the passes over the
//! data?

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::args::{OfSeries, SpectrumArgs};
use super::exit::{Exit, Failure};
use super::say::{out, out_json, tell};
use crate::base::counted;
use crate::report::terminal::{Align, TextTable};
use crate::results::outcome::{Oscillating, PassSpectrum, Results, State};
use crate::results::statistics::{deviation, mean, positive};

/// A run, or a point of a sweep with all its trials.
#[derive(Debug, Serialize)]
struct SpectrumRow {
    name: String,
    trials: Vec<PassSpectrum>,
}

pub(super) fn spectrum(args: &SpectrumArgs) -> Result<Exit, Failure> {
    let of = match args.of {
        OfSeries::Loss => Oscillating::Loss,
        OfSeries::Auc => Oscillating::Auc,
    };
    let (mut rows, mut without) = (Vec::new(), BTreeMap::new());
    for folder in &args.folders {
        rows.extend(read(folder, of, args.skip, &mut without)?);
    }
    let reasons: Vec<String> = without
        .iter()
        .map(|(why, count)| format!("{} no spectrum, because {why}", with_verb(*count)))
        .collect();
    if rows.is_empty() {
        let finished = "no trial here is finished".to_string();
        let message = if reasons.is_empty() { finished } else { reasons.join("\n") };
        return Err(Failure::new(Exit::Folder, message));
    }
    reasons.iter().for_each(|reason| tell(&format!("{reason}\n")));
    if let Some(file) = &args.plot {
        draw(&rows, of, file)?;
    }
    if args.json {
        let text = serde_json::to_string_pretty(&rows).expect("spectra are valid JSON");
        out_json(&format!("{text}\n"))?;
    } else {
        out(&text(&rows, of))?;
    }
    Ok(Exit::Done)
}

fn with_verb(trials: usize) -> String {
    counted(trials as u64, "trial has", "trials have")
}

/// The spectra of a folder; counts the trials without one by their reasons.
fn read(
    folder: &Path,
    of: Oscillating,
    skip: f64,
    without: &mut BTreeMap<String, usize>,
) -> Result<Vec<SpectrumRow>, Failure> {
    let results = Results::open(folder)?;
    let mut rows = Vec::new();
    for point in &results.points {
        let mut row = SpectrumRow { name: point.label.clone(), trials: Vec::new() };
        for trial in results.trials_of(point).filter(|trial| trial.state() == State::Done) {
            match trial.spectrum(of, skip)? {
                Ok(found) => row.trials.push(found),
                Err(why) => *without.entry(why.to_string()).or_default() += 1,
            }
        }
        if !row.trials.is_empty() {
            rows.push(row);
        }
    }
    Ok(rows)
}

fn text(rows: &[SpectrumRow], of: Oscillating) -> String {
    let what = match of {
        Oscillating::Loss => "the training loss, in nats,",
        Oscillating::Auc => "AUC on the holdout",
    };
    let mut table = TextTable::new(&[Align::Left, Align::Right, Align::Right, Align::Left]);
    table.row(["", "trials", "passes", "amplitude at one pass", "x background", "share of power"]);
    for row in rows {
        let of = |value: fn(&PassSpectrum) -> f64| -> Vec<f64> {
            row.trials.iter().map(value).collect()
        };
        let written = |values: Vec<f64>, digits: usize| {
            let middle = mean(&values).unwrap_or(f64::NAN);
            match positive::of_mean(&values).filter(|_| deviation(&values) > Some(0.0)) {
                None => format!("{middle:.digits$}"),
                Some(of) => {
                    format!("{middle:.digits$} [{:.digits$}, {:.digits$}]", of.low, of.high)
                }
            }
        };
        let percent = of(|s| 100.0 * s.share());
        table.row([
            row.name.clone(),
            row.trials.len().to_string(),
            row.trials[0].passes.to_string(),
            written(of(PassSpectrum::amplitude), 5),
            written(of(|s| s.amplitude() / s.background()), 1),
            format!("{} % (chance {:.0} %)", written(percent, 0), 100.0 * row.trials[0].chance()),
        ]);
    }
    format!(
        "{}\namplitude: of {what} with the period of one pass; background: median amplitude of the\n\
         frequencies up to 1.5 per pass that are no harmonics; share: power at one pass and its harmonics over all from\n\
         0.5 to 5.5 oscillations per pass. Means over trials, with 95 % intervals.\n",
        table.render()
    )
}

#[cfg(feature = "plot")]
fn draw(rows: &[SpectrumRow], of: Oscillating, file: &Path) -> Result<(), Failure> {
    let lines: Vec<(&str, &[PassSpectrum])> =
        rows.iter().map(|row| (row.name.as_str(), &row.trials[..])).collect();
    crate::report::plot::draw_spectra(&lines, of, file)
        .map_err(|error| Failure::new(Exit::Write, error))
}

#[cfg(not(feature = "plot"))]
fn draw(_: &[SpectrumRow], _: Oscillating, _: &Path) -> Result<(), Failure> {
    Err(Failure::new(Exit::Usage, "this program was built without plots"))
}
