//! The folder of a sweep: its plan, its points, and the lock of the process that writes it.

use std::fs;
use std::path::{Path, PathBuf};

use super::plan::{SCENARIO, SWEEP, SweepPlan};
use super::select::SweepPart;
use crate::results::disk;
use crate::results::folder::{
    FolderError, FolderLock, RESOLVED, is_lab, lock, refuse_links, turn, write_atomically,
};
use crate::results::outcome::Planned;

/// A sweep's folder that this process writes.
#[derive(Debug)]
pub struct SweepFolder {
    path: PathBuf,
    lock: FolderLock,
}

impl SweepFolder {
    /// Opens or creates `path` for `plan`, and writes the plan. A folder that holds a part of the
    /// plan, or the plan with fewer seeds, is continued. A folder with more seeds keeps them.
    ///
    /// # Errors
    /// If it holds another plan or something else, another process writes the same part of it, or
    /// the system refuses.
    pub fn open(
        path: &Path,
        plan: &SweepPlan,
        shard: Option<SweepPart>,
    ) -> Result<SweepFolder, FolderError> {
        let io = |error| FolderError::Io { path: path.to_path_buf(), error };
        let file = path.join("plan.jsonl");
        let strange = || fs::read_dir(path).is_ok_and(|mut all| !all.all(|e| e.is_ok_and(is_ours)));
        if path.join(RESOLVED).exists() && !file.exists() && !is_lab(path) {
            return Err(FolderError::IsRun { path: path.to_path_buf() });
        }
        if path.exists() && !file.exists() && (!path.is_dir() || strange()) {
            return Err(FolderError::NotResults { path: path.to_path_buf() });
        }
        refuse_links(path)?;
        disk::create_folders(path).map_err(io)?;
        let name = match shard {
            None => ".lock".to_string(),
            Some(SweepPart { number, of }) => format!(".lock-{number}-of-{of}"),
        };
        let folder = SweepFolder { path: path.to_path_buf(), lock: lock(path, &name)? };
        let _turn = turn(path)?;
        let known = folder.known(plan)?;
        let lines = plan.trials.iter().map(|trial| trial.planned.clone());
        let all: Vec<Planned> = known.iter().cloned().chain(lines.skip(known.len())).collect();
        if all.len() > known.len() {
            disk::create_inner_folder(&path.join("points")).map_err(io)?;
            disk::create_inner_folder(&path.join("trials")).map_err(io)?;
            for (number, point) in plan.points.iter().enumerate() {
                folder.write(&format!("points/{number:04}.toml"), point.as_bytes())?;
            }
            folder.write(SCENARIO, plan.scenario.as_bytes())?;
            folder.write(SWEEP, plan.sweep.as_bytes())?;
            let mut text = String::new();
            for line in &all {
                text.push_str(&serde_json::to_string(line).expect("a plan is valid JSON"));
                text.push('\n');
            }
            // The plan is written last: a folder with a plan is complete.
            folder.write("plan.jsonl", text.as_bytes())?;
        }
        Ok(folder)
    }

    /// The plan that exists already, if it fits.
    fn known(&self, plan: &SweepPlan) -> Result<Vec<Planned>, FolderError> {
        let text = match fs::read_to_string(self.path.join("plan.jsonl")) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(FolderError::Io { path: self.path.clone(), error }),
        };
        let other = || FolderError::OtherPlan { path: self.path.clone() };
        let mut known = Vec::new();
        for line in text.lines() {
            known.push(Planned::read(line).map_err(|_| other())?);
        }
        let fits = known.iter().zip(&plan.trials).all(|(known, new)| *known == new.planned);
        if fits { Ok(known) } else { Err(other()) }
    }

    /// The path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of a trial.
    pub fn trial(&self, id: &str) -> PathBuf {
        self.path.join("trials").join(id)
    }

    /// Writes a file whole or not at all.
    ///
    /// # Errors If the system refuses; an earlier file stays as it was.
    pub fn write(&self, name: &str, content: &[u8]) -> Result<(), FolderError> {
        self.check_still_there()?;
        write_atomically(&self.path.join(name), content)
    }

    /// Refuses to go on if the folder is no longer where it was opened.
    ///
    /// # Errors
    /// [`FolderError::Gone`].
    pub fn check_still_there(&self) -> Result<(), FolderError> {
        self.lock.check_still_there()
    }
}

/// Whether a process may have left this file because it died before the plan was written.
fn is_ours(entry: fs::DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy().into_owned();
    let ours = ["points", "trials", SWEEP, SCENARIO, "plan.jsonl"];
    let written = name.strip_suffix(".tmp").unwrap_or(&name);
    name.starts_with(".lock") || ours.contains(&written)
}
