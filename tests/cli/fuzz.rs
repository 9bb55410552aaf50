//! Scenario files damaged in thousands of ways: read, checked and prepared without a panic.
//!
//! `STRAGGLER_FUZZ_CASES` sets the number of cases; 200 000 take some minutes.

use std::path::Path;

use straggler::data::SourceChoice;
use straggler::scenario::document::{DocumentInput, load};
use straggler::scenario::sweep;
use straggler::scenario::templates::TEMPLATES;
use straggler::scenario::{Scenario, rules};

use crate::support::{say, scenario, straggler};

/// A small source of reproducible chance.
pub(crate) struct Dice(u64);

impl Dice {
    /// Different for every case.
    pub(crate) fn new(case: u64) -> Dice {
        Dice(case.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `sides`.
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 11) % sides.max(1) as u64) as usize
    }
}

/// How many cases to try: as asked for, scaled to what a test does by default.
pub(crate) fn cases(usual: u32) -> u32 {
    let asked = std::env::var("STRAGGLER_FUZZ_CASES").ok().and_then(|n| n.parse::<u64>().ok());
    asked.map_or(usual, |asked| (asked * u64::from(usual) / 20_000).max(1) as u32)
}

/// Whether a scenario can be prepared in a moment.
pub(crate) fn is_small(scenario: &Scenario) -> bool {
    let data = match &scenario.data {
        Some(SourceChoice::Synthetic(log)) => {
            log.users <= 20_000
                && log.items <= 20_000
                && log.rows_per_day <= 50_000
                && log.days <= 100
                && log.brands <= 20_000
                && log.history_length <= 64
        }
        _ => true,
    };
    data && scenario.examples_per_step() <= 2_000
        && scenario.cluster.workers <= 20_000
        && scenario.cluster.shards <= 300
}

/// Pieces of text that scenario files are made of, and some that they are not.
const PIECES: &[&str] = &[
    "[",
    "]",
    "[[",
    "{",
    "}",
    "\"",
    "'",
    "\"\"\"",
    "=",
    ".",
    ",",
    "#",
    "\n",
    "\r",
    "\0",
    "\u{1b}",
    "é",
    "\u{202e}",
    "日",
    "inf",
    "nan",
    "-nan",
    "-1",
    "0",
    "1e999",
    "1e-320",
    "9223372036854775807",
    "9223372036854775808",
    "0x",
    "0b2",
    "1_",
    "true",
    "1979-05-27",
    "kind",
    "extends = \"x\"\n",
    "[cluster]\n",
    "[[cluster.class]]\n",
    "[timing_only]\n",
    "[holdout]\n",
    "\\u",
    "\"0s\"",
    "\"1ns\"",
    "\"600000d\"",
    "\"1bit/s\"",
    "\"18446744073709551615ns\"",
    "\"1..\"",
    "\"..\"",
    "\"4294967295..4294967296\"",
    "share = 1.0\n",
    "data = 3\n",
    "99999999999999999999999",
];

/// Values of every type, at the edges of what can be written.
#[rustfmt::skip]
const VALUES: &[&str] = &[
    "0", "1", "2", "7", "100", "-1", "4294967295", "4294967296", "9223372036854775807", "0.0", "0.5",
    "-0.0", "1.0", "1e30", "1e308", "1e-320", "inf", "nan", "true", "false", "\"\"", "\"a\"",
    "\"0s\"", "\"1ns\"", "\"5ms\"", "\"200000d\"", "\"0bit/s\"", "\"1bit/s\"", "\"3GiB\"", "\"1\"",
    "\"1..3\"", "\"4..\"", "\"3..1\"", "\"4294967295\"", "[]", "[1]", "[0.5, 0.5]", "[\"item\"]", "{}",
    "{ times = 1 }", "{ updates = 3 }", "{ sim_time = \"1ms\" }", "{ passes = 0.0 }",
    "{ kind = \"pareto\", shape = 1.01 }", "{ kind = \"gamma\", variation = 10 }",
];

/// A scenario of the program, damaged.
fn damaged_scenario(dice: &mut Dice) -> String {
    let text = TEMPLATES[dice.roll(TEMPLATES.len())].text;
    damage(text, dice)
}

/// A text with up to three bytes or pieces damaged.
fn damage(text: &str, dice: &mut Dice) -> String {
    let mut text = text.to_string();
    for _ in 0..1 + dice.roll(3) {
        let at = text.floor_char_boundary(dice.roll(text.len() + 1));
        let end = |text: &str, most: usize| text.floor_char_boundary((at + most).min(text.len()));
        match dice.roll(8) {
            0 => text.insert_str(at, PIECES[dice.roll(PIECES.len())]),
            1 => drop(text.drain(at..end(&text, dice.roll(30)).max(at))),
            2 => {
                let piece = text[at..end(&text, dice.roll(60)).max(at)].to_string();
                let to = text.floor_char_boundary(dice.roll(text.len() + 1));
                text.insert_str(to, &piece);
            }
            3 => text.replace_range(at..end(&text, 4).max(at), PIECES[dice.roll(PIECES.len())]),
            // Most often, one value becomes another.
            _ => {
                let Some(from) = text[at..].find("= ").map(|found| at + found + 2) else {
                    continue;
                };
                let line = text[from..].find('\n').map_or(text.len(), |found| from + found);
                text.replace_range(from..line, VALUES[dice.roll(VALUES.len())]);
            }
        }
    }
    text
}

/// Reads, checks and, where that is quick, prepares one damaged file. Says how far it came.
fn survive(text: &str, folder: &Path, prepare: bool) -> usize {
    let input = DocumentInput::Text { name: "damaged", text };
    let mut loaded = match load::<Scenario>(input, &[]) {
        Ok(loaded) => loaded,
        Err(problems) => {
            assert!(problems.to_string().contains("nothing was started"));
            return 0;
        }
    };
    rules::check(&mut loaded);
    let scenario = match loaded.finish() {
        Ok(loaded) => loaded.value,
        Err(problems) => {
            assert!(problems.to_string().contains("nothing was started"));
            return 1;
        }
    };
    if !is_small(&scenario) || !prepare {
        return 2;
    }
    match scenario.prepare(folder) {
        Ok(prepared) => {
            scenario.estimate(prepared.as_ref(), 2);
            4
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            3
        }
    }
}

#[test]
fn r27_damaged_scenario_files_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    let total = cases(20_000);
    let mut reached = [0u32; 5];
    for case in 0..u64::from(total) {
        let text = damaged_scenario(&mut Dice::new(case));
        // Preparing calibrates a log, a hundred times the work of reading.
        let prepare = reached[4] * 100 < total;
        let survived = std::panic::catch_unwind(|| survive(&text, folder.path(), prepare));
        let far = survived.unwrap_or_else(|_| panic!("case {case} panics:\n{text}"));
        reached[far] += 1;
    }
    println!(
        "refused by the schema, by the rules, not prepared, refused by the data, prepared: {reached:?}"
    );
    assert!(reached[0] > 0 && reached[1] > 0 && reached[4] > 0, "{reached:?}");
}

/// A sweep with everything that a sweep can have.
const SWEEP: &str = r#"straggler = 1

[sweep]
name     = "all"
question = "What comes out?"
scenario = "scenario.toml"
seeds    = 3
pair     = true

[sweep.grid]
cluster.workers = [1, 10, 100]
train.batch     = "16..64 step 16"
optimizer.learning_rate = "log:1e-4..1e-2 x5"

[[sweep.zip]]
label           = ["gentle", "bold"]
optimizer.beta1 = [0.5, 0.9]
remedy          = [[], [{ kind = "power" }]]

[[sweep.list]]
label         = "barrier"
protocol.kind = "synchronous"

[[sweep.skip]]
cluster.workers = 1
train.batch     = [16, 32]
"#;

/// Whether a refusal names a place inside the text, and shows no more than twenty mistakes.
fn is_polite(said: &str, text: &str) -> bool {
    let drawn = said.lines().filter(|line| line.starts_with("error")).count();
    let place = said.lines().find_map(|line| line.split_once("sweep.toml:"));
    let inside = place.is_none_or(|(_, rest)| {
        let mut numbers = rest.split(':').map(|part| part.trim().parse::<usize>());
        let (line, column) = (numbers.next(), numbers.next());
        let line = line.and_then(Result::ok).unwrap_or(0);
        (1..=text.lines().count() + 1).contains(&line) && column.is_some_and(|c| c.is_ok())
    });
    (1..=21).contains(&drawn) && inside
}

#[test]
fn r27_damaged_sweep_files_are_refused_politely() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sweep.toml");
    let (mut refused, mut placed, mut read) = (0, 0, 0);
    for case in 0..u64::from(cases(400)) {
        let text = damage(SWEEP, &mut Dice::new(case));
        std::fs::write(&file, &text).unwrap();
        let points = std::panic::catch_unwind(|| {
            let read = sweep::read(&file)?;
            let small = read.design.size().is_some_and(|size| size < 10_000);
            Ok::<usize, straggler::scenario::document::Problems>(if small {
                read.design.points().len()
            } else {
                0
            })
        });
        match points.unwrap_or_else(|_| panic!("case {case} panics:\n{text}")) {
            Ok(_) => read += 1,
            Err(problems) => {
                let said = problems.to_string();
                assert!(is_polite(&said, &text), "case {case}:\n{text}\n{said}");
                refused += 1;
                placed += u32::from(said.contains("sweep.toml:"));
            }
        }
    }
    println!("{refused} refused, {placed} with a place, {read} read");
    assert!(refused > 0 && read > 0, "{refused} refused, {read} read");
    assert!(placed * 100 >= refused * 99, "only {placed} of {refused} name a place");
    // By the program: the exit code, and nothing written.
    std::fs::copy(scenario("quickstart.toml"), folder.path().join("scenario.toml")).unwrap();
    for case in 0..20 {
        let text = damage(SWEEP, &mut Dice::new(case));
        std::fs::write(&file, &text).unwrap();
        let said = say(straggler().current_dir(&folder).args(["sweep", "sweep.toml", "--list"]));
        assert!([0, 2].contains(&said.code), "case {case}: {}\n{}", said.code, said.stderr);
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 2, "case {case}");
    }
}
