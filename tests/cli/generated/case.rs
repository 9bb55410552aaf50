//! A case: a base and some changes to it, drawn so that a failing case can lose changes one by one.

use proptest::collection::vec;
use proptest::prelude::*;
use straggler::scenario::document::{DocumentInput, Shape, load};
use straggler::scenario::{Scenario, rules};
use toml::{Table, Value};

use super::bases::BASES;
use super::draw::{Draw, set};
use crate::fuzz::Dice;

/// The shapes of the two kinds of files.
#[derive(Debug)]
pub(super) struct Shapes {
    pub(super) scenario: std::sync::Arc<Shape>,
    pub(super) sweep: std::sync::Arc<Shape>,
}

/// A random scenario, and perhaps a sweep of it.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) base: usize,
    /// A seed for each change.
    pub(super) changes: Vec<u64>,
    /// Whether a change is undone that makes the scenario one that its rules refuse.
    pub(super) careful: bool,
    /// Seeds of what is changed in a sweep of the scenario; without any there is no sweep.
    pub(super) sweep: Vec<u64>,
    /// What else is drawn: when the run is killed, on how many threads it runs.
    pub(super) chance: u64,
}

/// All cases.
pub(super) fn cases() -> impl Strategy<Value = Case> {
    let seeds = |most| vec(any::<u64>().no_shrink(), 0..most);
    // One case of eight is a sweep.
    let sweep = (0..8u8, seeds(4)).prop_map(|(turn, mut seeds)| {
        if turn > 0 {
            seeds.clear();
        }
        seeds
    });
    let base = (0..BASES.len()).no_shrink();
    let careful = prop::bool::weighted(0.7).no_shrink();
    (base, seeds(7), careful, sweep, any::<u64>().no_shrink()).prop_map(
        |(base, changes, careful, sweep, chance)| Case { base, changes, careful, sweep, chance },
    )
}

impl Case {
    /// The scenario.
    pub(super) fn scenario(&self, shapes: &Shapes) -> Table {
        let mut document: Table = BASES[self.base].text.parse().expect("bases are TOML");
        for &seed in &self.changes {
            let before = document.clone();
            change(&mut document, &shapes.scenario, &shapes.scenario, seed, false);
            if self.careful && !is_valid(&text(&document)) {
                document = before;
            }
        }
        document
    }

    /// The sweep of the scenario in the file `scenario`, if there is one.
    pub(super) fn sweep(&self, shapes: &Shapes, scenario: &str) -> Option<Table> {
        if self.sweep.is_empty() {
            return None;
        }
        let mut document: Table =
            "[sweep]\nseeds = 2\ngrid = { train.batch = [8, 16] }\n".parse().expect("it is TOML");
        for &seed in &self.sweep {
            change(&mut document, &shapes.sweep, &shapes.scenario, seed, true);
        }
        let name = Value::String(scenario.to_string());
        set(&mut document, &["sweep".to_string(), "scenario".to_string()], name);
        Some(document)
    }
}

fn change(document: &mut Table, shape: &Shape, root: &Shape, seed: u64, lists: bool) {
    let before = document.clone();
    let mut draw = Draw { root, document: &before, dice: Dice::new(seed), lists };
    let (path, value) = draw.change(shape);
    set(document, &path, value);
}

/// Whether the rules accept a scenario; its log is not looked at.
fn is_valid(text: &str) -> bool {
    let input = DocumentInput::Text { name: "case.toml", text };
    let checked = std::panic::catch_unwind(|| {
        let mut loaded = load::<Scenario>(input, &[])?;
        rules::check(&mut loaded);
        loaded.finish().map(|_| ())
    });
    // A panic is for the program to show.
    checked.map_or(true, |checked| checked.is_ok())
}

/// A document as a file.
pub(super) fn text(document: &Table) -> String {
    toml::to_string(document).expect("tables are TOML")
}
