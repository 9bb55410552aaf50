//! What is true of every scenario, whatever it says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use straggler::base::{ByteSize, SimSpan};

use super::case::{Case, Shapes, text};
use super::child::{self, Ended, Then};
use crate::fuzz::Dice;
use crate::support::reproducible;

/// `check` and a refusal take no longer, on a machine with much else to do.
const AT_ONCE: Duration = Duration::from_secs(30);
/// A run whose end is not known is stopped after this time.
const UNKNOWN: Duration = Duration::from_secs(4);
/// A run that is to take longer is only begun, and then stopped.
const LONG: f64 = 4.0;
/// A run may take this many times its estimate, and [`BESIDES`] for the start of the process.
const TIMES: f64 = 20.0;
const BESIDES: f64 = 6.0;

/// A property that does not hold.
#[derive(Debug)]
pub(super) struct Fault {
    /// Which one.
    pub(super) kind: &'static str,
    /// What was seen.
    pub(super) seen: String,
    /// The command.
    pub(super) command: String,
}

/// What became of a case that is as it should be.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Fate {
    /// Refused with this exit code.
    Refused(i32),
    /// It ran to its end.
    Ran,
    /// The simulated job broke, as a job may.
    Broke,
    /// It was stopped, since it takes long or has no end.
    Stopped,
}

/// A place to try cases in.
pub(super) struct Bench {
    pub(super) shapes: Shapes,
    /// The folder with the logs, in which the program is run.
    pub(super) folder: PathBuf,
    /// By how much a build for tests is larger than the program that estimates are made for.
    pub(super) larger: u64,
}

impl Bench {
    /// Whether a case has all properties.
    pub(super) fn try_case(&self, case: &Case) -> Result<Fate, Fault> {
        let scenario = case.scenario(&self.shapes);
        self.put("case.toml", &text(&scenario));
        for out in ["whole", "other", "killed", "lab", "lab-other"] {
            drop(std::fs::remove_dir_all(self.folder.join(out)));
        }
        let dice = &mut Dice::new(case.chance);
        if let Some(sweep) = case.sweep(&self.shapes, "case.toml") {
            self.put("sweep.toml", &text(&sweep));
            return self.runs("sweep.toml", dice);
        }
        let fate = self.runs("case.toml", dice)?;
        if scenario.contains_key("lab") {
            self.lab(fate, dice)?;
        }
        Ok(fate)
    }

    fn put(&self, name: &str, text: &str) {
        std::fs::write(self.folder.join(name), text).unwrap();
    }

    fn start(&self, words: &[&str], patience: Duration, then: Then) -> Result<Ended, Fault> {
        let ended = child::run(&self.folder, words, patience, then);
        is_documented(&ended, then)?;
        Ok(ended)
    }

    /// `check` and `run` of a file.
    fn runs(&self, file: &str, dice: &mut Dice) -> Result<Fate, Fault> {
        let checked = self.start(&["check", file], AT_ONCE, Then::Kill)?;
        if checked.overdue {
            return Err(fault("check takes too long", &checked));
        }
        let code = checked.code.unwrap_or(-1);
        let run = |out: &'static str, threads: &'static str| {
            let mut words = vec!["run", file, "--out", out, "--quiet", "--save-every", "3"];
            words.extend(if file == "case.toml" { &["--no-plots"][..] } else { &[] });
            words.extend(["--threads", threads]);
            words
        };
        if code != 0 {
            has_place(&checked)?;
            let refused = self.start(&run("whole", "2"), AT_ONCE, Then::Kill)?;
            if refused.code != checked.code {
                let kind = "`check` refuses with another code than `run` ends with";
                return Err(fault(kind, &refused).and(&checked));
            }
            has_place(&refused)?;
            if self.folder.join("whole").exists() {
                return Err(fault("a refused run leaves a folder", &refused));
            }
            return Ok(Fate::Refused(code));
        }
        // Minutes and more are written in two units.
        let seconds = quantity(&checked.stdout, "time").map(|text| {
            let span = text.split(" on ").next().and_then(|text| text.parse::<SimSpan>().ok());
            span.map_or(f64::INFINITY, |span| span.0 as f64 / 1e9)
        });
        let patience = match seconds {
            Some(seconds) if seconds > LONG => Duration::from_secs(2),
            Some(seconds) => Duration::from_secs_f64(TIMES * seconds + BESIDES),
            None if file == "sweep.toml" => AT_ONCE,
            None => UNKNOWN,
        };
        let whole = self.start(&run("whole", "2"), patience, Then::Stop)?;
        if whole.overdue {
            return match seconds {
                Some(seconds) if seconds <= LONG => {
                    let mut fault = fault("a run takes longer than its estimate", &whole);
                    fault.seen.insert_str(0, &format!("estimate {seconds} s\n"));
                    Err(fault)
                }
                _ if ![Some(143), Some(0), Some(1), Some(3)].contains(&whole.code) => {
                    Err(fault("a stopped run does not end as documented", &whole))
                }
                _ => Ok(Fate::Stopped),
            };
        }
        let fate = match whole.code {
            Some(0 | 1) => Fate::Ran,
            Some(3) => Fate::Broke,
            _ => return Err(fault("`check` accepts what `run` refuses", &whole)),
        };
        if file == "case.toml" {
            self.is_below_estimate(&checked, &whole)?;
        }
        let expected = reproducible(&self.folder.join("whole"));
        match dice.roll(2) {
            0 => {
                let other = self.start(
                    &run("other", if dice.roll(2) == 0 { "1" } else { "5" }),
                    10 * AT_ONCE,
                    Then::Kill,
                )?;
                let found = reproducible(&self.folder.join("other"));
                same("other threads give other bytes", &whole, &expected, &other, &found)?;
            }
            _ => {
                let after = whole.wall.mul_f64((1 + dice.roll(98)) as f64 / 100.0);
                self.start(&run("killed", "2"), after, Then::Kill)?;
                let again = self.start(&run("killed", "2"), 10 * AT_ONCE, Then::Kill)?;
                let found = reproducible(&self.folder.join("killed"));
                same("a killed run goes on to other bytes", &whole, &expected, &again, &found)?;
            }
        }
        Ok(fate)
    }

    fn is_below_estimate(&self, checked: &Ended, whole: &Ended) -> Result<(), Fault> {
        let estimate = |name| quantity(&checked.stdout, name)?.parse::<ByteSize>().ok();
        let folder = self.folder.join("whole");
        let memory = peak_memory(&folder).map(|bytes| bytes.saturating_sub(self.larger));
        let disk = reproducible(&folder).values().map(|bytes| bytes.len() as u64).sum::<u64>();
        for (kind, estimate, found) in [
            ("memory above the estimate", estimate("memory"), memory),
            ("disk above the estimate", estimate("disk"), Some(disk)),
        ] {
            let (Some(ByteSize(estimate)), Some(found)) = (estimate, found) else {
                let mut fault = fault("no estimate or no measurement", whole);
                fault.seen = format!("{kind}: {estimate:?}, {found:?}");
                return Err(fault);
            };
            // The estimate is printed with four digits.
            if found as f64 > 1.001 * estimate as f64 {
                let mut fault = fault(kind, whole);
                fault.seen = format!("estimate {estimate}, found {found}");
                return Err(fault);
            }
        }
        Ok(())
    }

    /// `lab restart` of a scenario with a lab, whose `check` and `run` ended in `fate`.
    fn lab(&self, fate: Fate, dice: &mut Dice) -> Result<(), Fault> {
        let listed = self.start(&["lab", "restart", "case.toml", "--list"], AT_ONCE, Then::Kill)?;
        if listed.overdue {
            return Err(fault("check takes too long", &listed));
        }
        let is_refused = matches!(fate, Fate::Refused(_));
        if (listed.code != Some(0)) != is_refused {
            return Err(fault("`check` and `lab restart --list` do not agree", &listed));
        }
        let run = |out: &'static str, threads: &'static str| {
            ["lab", "restart", "case.toml", "--quiet", "--out", out, "--threads", threads]
        };
        let patience = if is_refused { AT_ONCE } else { 2 * UNKNOWN };
        let whole = self.start(&run("lab", "2"), patience, Then::Stop)?;
        if is_refused {
            has_place(&listed)?;
            has_place(&whole)?;
            if whole.code != listed.code {
                return Err(fault("a lab is refused with another code than its list", &whole));
            }
            if self.folder.join("lab").exists() {
                return Err(fault("a refused lab leaves a folder", &whole));
            }
            return Ok(());
        }
        if whole.overdue {
            return match whole.code {
                Some(143 | 0 | 1 | 3) => Ok(()),
                _ => Err(fault("a stopped lab does not end as documented", &whole)),
            };
        }
        match whole.code {
            Some(0) => {}
            // The model may blow up.
            Some(3) => return Ok(()),
            _ => return Err(fault("`check` accepts what the lab refuses", &whole)),
        }
        let expected = reproducible(&self.folder.join("lab"));
        if dice.roll(2) == 0 {
            let after = whole.wall.mul_f64((1 + dice.roll(98)) as f64 / 100.0);
            self.start(&run("lab-other", "2"), after, Then::Kill)?;
        }
        let other = self.start(&run("lab-other", "1"), 10 * AT_ONCE, Then::Kill)?;
        let found = reproducible(&self.folder.join("lab-other"));
        same("a lab gives other bytes when it runs again", &whole, &expected, &other, &found)
    }
}

/// Peak memory of the run into a folder.
pub(super) fn peak_memory(folder: &Path) -> Option<u64> {
    let info = std::fs::read_to_string(folder.join("run-info.json")).ok()?;
    let info: serde_json::Value = serde_json::from_str(&info).ok()?;
    info["peak_memory_bytes"].as_u64()
}

fn fault(kind: &'static str, ended: &Ended) -> Fault {
    let Ended { code, stderr, wall, command, .. } = ended;
    let seen = format!("exit code {code:?} after {wall:?}\n{stderr}");
    Fault { kind, seen, command: command.clone() }
}

impl Fault {
    /// The same with what another command said.
    fn and(mut self, other: &Ended) -> Fault {
        let Ended { code, stderr, command, .. } = other;
        self.seen.push_str(&format!("\n{command}: exit code {code:?}\n{stderr}"));
        self
    }
}

/// No panic, and no end but those that are documented.
fn is_documented(ended: &Ended, then: Then) -> Result<(), Fault> {
    if ended.stderr.contains("panicked at") || ended.code == Some(70) {
        return Err(fault("a panic", ended));
    }
    if ended.deaf {
        return Err(fault("a run does not hear that it is to stop", ended));
    }
    let is_killed = ended.overdue && then == Then::Kill;
    match ended.code {
        Some(0 | 1 | 2 | 3 | 4 | 5 | 143) => Ok(()),
        None if is_killed => Ok(()),
        _ => Err(fault("an exit code that is not documented for this", ended)),
    }
}

/// Every error has a code and a place.
fn has_place(ended: &Ended) -> Result<(), Fault> {
    let mut lines = ended.stderr.lines().peekable();
    let (mut errors, mut placed) = (0, 0);
    while let Some(line) = lines.next() {
        if line.starts_with("error") {
            errors += 1;
            let next = lines.peek().is_some_and(|next| next.trim_start().starts_with("-->"));
            placed += u32::from(line.starts_with("error[") && next);
        }
    }
    match errors > 0 && errors == placed {
        true => Ok(()),
        false => Err(fault("an error without a code or a place", ended)),
    }
}

/// The words behind "about" or "at most" in a line of `check`.
fn quantity<'a>(table: &'a str, name: &str) -> Option<&'a str> {
    let line = table.lines().find_map(|line| line.strip_prefix(name))?.trim();
    line.strip_prefix("about ").or_else(|| line.strip_prefix("at most "))
}

type Files = BTreeMap<String, Vec<u8>>;

fn same(
    kind: &'static str,
    one: &Ended,
    expected: &Files,
    other: &Ended,
    found: &Files,
) -> Result<(), Fault> {
    let names = expected.keys().chain(found.keys());
    let mut differ: Vec<&String> =
        names.filter(|name| expected.get(*name) != found.get(*name)).collect();
    differ.sort();
    differ.dedup();
    if one.code == other.code && differ.is_empty() {
        return Ok(());
    }
    let mut fault = fault(kind, other);
    fault.seen.insert_str(0, &format!("{:?} and {:?}; {differ:?} differ\n", one.code, other.code));
    Err(fault)
}
