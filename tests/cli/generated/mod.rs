//! Random scenarios, drawn from the schema of scenario files, through the whole program.
//!
//! Every case is a scenario that runs, with a few changes: keys of all sections, all registered
//! parts, stages, labs, and sweeps of it. The program checks it, runs it, is killed, goes on and
//! runs with other threads, as [`properties`] says. A new part or key is drawn as soon as it is in
//! the schema.
//!
//! Every run of the tests tries the same few cases. `STRAGGLER_FUZZ_CASES` asks for more: 1 000 000
//! are 1 000 cases, which take about 20 minutes; `STRAGGLER_FUZZ_SEED` for others. A case that
//! fails loses changes as long as it fails alike; then its file and command are printed.

mod bases;
mod case;
mod child;
mod draw;
mod logs;
mod properties;

use std::collections::BTreeMap;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngSeed, TestRunner};
use straggler::scenario::Scenario;
use straggler::scenario::document::Shape;
use straggler::scenario::sweep::SweepFile;

use self::bases::BASES;
use self::case::{Case, Shapes};
use self::properties::{Bench, Fate, Fault, peak_memory};
use crate::fuzz::cases;
use crate::support::{done, straggler};

/// Cases of an ordinary run of the tests.
const USUAL: u32 = 60;
/// What the program takes for the first scenario in a build for users, as measured.
const PROGRAM: u64 = 19 << 20;
/// Most attempts to make a failing case smaller.
const ATTEMPTS: usize = 30;

/// The first number of the cases.
fn seed() -> u64 {
    let asked = std::env::var("STRAGGLER_FUZZ_SEED").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// A case that fails in the same way with fewer changes, if that is found.
fn smallest(bench: &Bench, tree: &mut impl ValueTree<Value = Case>, fault: Fault) -> (Case, Fault) {
    let (mut case, mut fault) = (tree.current(), fault);
    let mut moved = tree.simplify();
    for _ in 0..ATTEMPTS {
        if !moved {
            break;
        }
        let smaller = tree.current();
        match bench.try_case(&smaller) {
            Err(found) if found.kind == fault.kind => {
                (case, fault) = (smaller, found);
                moved = tree.simplify();
            }
            _ => moved = tree.complicate(),
        }
    }
    (case, fault)
}

/// What a person needs to see a fault again.
fn report(number: u64, case: &Case, fault: &Fault, bench: &Bench) -> String {
    let scenario = case::text(&case.scenario(&bench.shapes));
    let sweep = case.sweep(&bench.shapes, "case.toml").map(|sweep| case::text(&sweep));
    let sweep = sweep.map_or_else(String::new, |text| format!("--- sweep.toml\n{text}"));
    let Fault { kind, seen, command } = fault;
    format!(
        "=== {kind}\n(STRAGGLER_FUZZ_SEED={number}, base \"{}\"; logs: tests/cli/generated/logs.rs)\n\
         {command}\n--- case.toml\n{scenario}{sweep}--- seen\n{seen}\n",
        BASES[case.base].name
    )
}

#[test]
fn r27_random_scenarios_do_what_the_program_promises() {
    let folder = tempfile::tempdir().unwrap();
    logs::write(folder.path());
    std::fs::write(folder.path().join("first.toml"), bases::CHECKPOINT).unwrap();
    let words = ["run", "first.toml", "--quiet", "--no-plots", "--out", "first"];
    done(straggler().current_dir(&folder).args(words));
    let written = folder.path().join("first/checkpoints/last.safetensors");
    std::fs::copy(written, folder.path().join("checkpoint.safetensors")).unwrap();
    // Other scenarios use other parts of the program's code.
    let first = peak_memory(&folder.path().join("first")).unwrap_or(0);
    let larger = first.saturating_sub(PROGRAM);
    let bench = Bench {
        shapes: Shapes { scenario: Shape::of::<Scenario>(), sweep: Shape::of::<SweepFile>() },
        folder: folder.path().to_path_buf(),
        larger: larger + larger / 4,
    };
    let (total, first) = (cases(USUAL), seed());
    let mut fates: BTreeMap<Fate, u32> = BTreeMap::new();
    let mut faults: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for number in first..first + u64::from(total) {
        if number > first && (number - first).is_multiple_of(200) {
            println!("{} of {total} cases: {fates:?}", number - first);
        }
        let config = Config { rng_seed: RngSeed::Fixed(number), ..Config::default() };
        let mut tree = case::cases().new_tree(&mut TestRunner::new(config)).unwrap();
        match bench.try_case(&tree.current()) {
            Ok(fate) => *fates.entry(fate).or_default() += 1,
            Err(fault) => {
                let (case, fault) = smallest(&bench, &mut tree, fault);
                let text = report(number, &case, &fault, &bench);
                println!("{text}");
                faults.entry(fault.kind).or_default().push(text);
            }
        }
    }
    let kinds: BTreeMap<&str, usize> =
        faults.iter().map(|(kind, found)| (*kind, found.len())).collect();
    println!("{total} cases: {fates:?}; faults: {kinds:?}");
    let firsts: String = faults.values().map(|found| found[0].as_str()).collect();
    assert!(faults.is_empty(), "{kinds:?}, the first of each:\n{firsts}");
    let ran = fates.get(&Fate::Ran).copied().unwrap_or(0);
    assert!(ran * 3 >= total, "only {ran} of {total} cases ran: {fates:?}");
}
