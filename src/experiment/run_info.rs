//! `run-info.json`: facts about one execution, and not about the simulated job. No other file of a
//! results folder holds such facts, so the others can be compared byte by byte.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::results::folder::FolderError;
use crate::results::json;

/// Name of the file.
pub const FILE: &str = "run-info.json";

/// Facts about one execution.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RunInfo {
    /// Version of the program.
    pub version: String,
    /// Host threads.
    pub threads: usize,
    /// Wall seconds; `None` while it runs, or if it was killed.
    pub wall_s: Option<f64>,
    /// Peak resident memory of the process, if the system tells it.
    pub peak_memory_bytes: Option<u64>,
    /// Operating system.
    pub os: String,
    /// Processor architecture.
    pub arch: String,
    /// The folder that the scenario's files are looked for in. It is needed to continue an
    /// interrupted run.
    pub files_from: PathBuf,
    /// The preset of the scenario, if it has one. Its settings are in `resolved.toml`, but its name
    /// is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
}

/// A stopwatch for the file.
#[derive(Debug)]
pub struct Stopwatch {
    started: Instant,
    file: PathBuf,
    info: RunInfo,
}

impl Stopwatch {
    /// Starts, and writes the facts known so far. Without a preset, that of an earlier execution
    /// stays: a run continues from its resolved scenario, which does not have the name.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn start(
        folder: &Path,
        threads: usize,
        files_from: &Path,
        preset: Option<&str>,
    ) -> Result<Stopwatch, FolderError> {
        #[expect(clippy::disallowed_methods, reason = "wall time of our own process, for people")]
        let started = Instant::now();
        let absolute = std::path::absolute(files_from).unwrap_or_else(|_| files_from.to_path_buf());
        let file = folder.join(FILE);
        let info = RunInfo {
            version: env!("CARGO_PKG_VERSION").to_string(),
            threads,
            wall_s: None,
            peak_memory_bytes: None,
            os: std::env::consts::OS.to_string(),
            arch: std::env::consts::ARCH.to_string(),
            files_from: absolute,
            preset: preset.map(str::to_string).or_else(|| read(folder)?.preset),
        };
        let watch = Stopwatch { started, file, info };
        watch.write()?;
        Ok(watch)
    }

    /// Notes how long it took.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn stop(mut self) -> Result<(), FolderError> {
        let wall = self.started.elapsed().as_secs_f64();
        self.info.wall_s = Some((wall * 1e3).round() / 1e3);
        self.info.peak_memory_bytes = peak_memory();
        self.write()
    }

    fn write(&self) -> Result<(), FolderError> {
        json::write(&self.file, &self.info)
    }
}

/// The facts of a results folder about its execution; `None` if it has none.
pub fn read(folder: &Path) -> Option<RunInfo> {
    json::read(&folder.join(FILE)).ok().flatten()
}

/// Peak resident memory of this process, if the system tells it.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_where_the_files_are_from_the_start() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path();
        assert_eq!(read(path), None);
        let watch = Stopwatch::start(path, 2, Path::new("scenarios"), Some("xdl")).unwrap();
        let from = read(path).unwrap().files_from;
        assert!(from.is_absolute() && from.ends_with("scenarios"));
        watch.stop().unwrap();
        let info = read(path).unwrap();
        assert!(info.wall_s.is_some() && info.threads == 2);
        // A run that continues from the resolved scenario does not know the preset.
        Stopwatch::start(path, 1, Path::new("scenarios"), None).unwrap().stop().unwrap();
        assert_eq!(read(path).unwrap().preset.as_deref(), Some("xdl"));
    }
}
