//! Which trials of a plan this process is to run.

use std::str::FromStr;

use super::plan::{PlannedTrial, SweepPlan};

/// A part of a plan. The default is all of it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TrialSelection {
    /// Words that the point's label must have; `*` stands for anything.
    pub only: Vec<String>,
    /// Every n-th trial.
    pub shard: Option<SweepPart>,
}

/// Part `number` of `of`: the trials whose number, divided by `of`, leaves the remainder of this
/// part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SweepPart {
    /// Which part, from 1.
    pub number: usize,
    /// How many parts.
    pub of: usize,
}

impl FromStr for SweepPart {
    type Err = String;

    fn from_str(text: &str) -> Result<SweepPart, String> {
        let parts = text
            .split_once('/')
            .and_then(|(number, of)| Some((number.trim().parse().ok()?, of.trim().parse().ok()?)));
        match parts {
            Some((number, of)) if (1..=of).contains(&number) => Ok(SweepPart { number, of }),
            _ => Err(format!("\"{text}\" is no part: write 2/8 for the second of eight")),
        }
    }
}

impl TrialSelection {
    /// Whether the trial number `index` of the plan belongs to the selection.
    pub fn has(&self, index: usize, trial: &PlannedTrial) -> bool {
        let shard = self.shard.is_none_or(|shard| index % shard.of == shard.number - 1);
        let label = &trial.planned.label;
        let word = |pattern: &String| {
            label == pattern || label.split_whitespace().any(|part| fits(pattern, part))
        };
        shard && self.only.iter().all(word)
    }
}

impl SweepPlan {
    /// Number of trials of the selection at a point; `first` is one of them.
    pub fn chosen_at_point(&self, first: &PlannedTrial, selection: &TrialSelection) -> usize {
        let index = |turn: usize| turn * self.len() + first.planned.point;
        (0..self.seeds).filter(|turn| selection.has(index(*turn), first)).count()
    }
}

/// Whether `text` fits `pattern`, in which `*` stands for any text.
fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or("");
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let middle: Vec<&str> = parts.collect();
    let Some((last, middle)) = middle.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, text, yes) in [
            ("workers=10", "workers=10", true),
            ("workers=1", "workers=10", false),
            ("workers=*", "workers=10", true),
            ("*=10", "workers=10", true),
            ("w*s=1*", "workers=10", true),
            ("w*x", "workers=10", false),
            ("a*a", "a", false),
            ("*", "", true),
        ] {
            assert_eq!(fits(pattern, text), yes, "{pattern} {text}");
        }
    }

    #[test]
    fn parts_are_written_number_of_many() {
        assert_eq!("2/8".parse(), Ok(SweepPart { number: 2, of: 8 }));
        for bad in ["0/8", "9/8", "8", "a/b", "", "1/0"] {
            assert!(bad.parse::<SweepPart>().is_err(), "{bad}");
        }
    }
}
