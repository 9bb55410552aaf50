//! What to measure, from the command line.

use std::path::PathBuf;

const USAGE: &str =
    "usage: --model din|small|events [--n WORKERS] [--threads T] [--pushes P] [--batches FILE]";

/// One measurement.
#[derive(Clone, Debug)]
pub(crate) struct Arguments {
    /// `din`, `small` or `events`.
    pub(crate) model: String,
    pub(crate) workers: u32,
    pub(crate) threads: usize,
    /// In three blocks.
    pub(crate) pushes: u64,
    /// Batches of the peers; without them the examples are generated.
    pub(crate) batches: Option<PathBuf>,
}

impl Arguments {
    pub(crate) fn read(words: impl Iterator<Item = String>) -> Result<Arguments, String> {
        let mut arguments = Arguments {
            model: String::new(),
            workers: 30,
            threads: 1,
            pushes: 2_100,
            batches: None,
        };
        // `cargo bench` adds a word of its own.
        let mut words = words.filter(|word| word != "--bench");
        while let Some(word) = words.next() {
            let value = words.next().ok_or(USAGE)?;
            let number = || value.parse::<u64>().map_err(|_| format!("{word} {value}: {USAGE}"));
            match word.as_str() {
                "--model" => arguments.model = value,
                "--n" => arguments.workers = number()? as u32,
                "--threads" => arguments.threads = number()? as usize,
                "--pushes" => arguments.pushes = number()?,
                "--batches" => arguments.batches = Some(value.into()),
                _ => return Err(format!("{word}: {USAGE}")),
            }
        }
        let known = ["din", "small", "events"].contains(&arguments.model.as_str());
        match known && arguments.workers > 0 && arguments.pushes >= 3 {
            true => Ok(arguments),
            false => Err(USAGE.to_string()),
        }
    }
}
