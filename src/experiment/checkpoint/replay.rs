//! Lays increments over their full checkpoint.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::file::{self, CheckpointError, LoadedCheckpoint};
use super::increments::{FileRef, IncrementOf, ROWS};
use crate::base::counted;
use crate::cluster::shard_failures::Replay;
use crate::results::folder::hex_digest;
use crate::server::renumber::is_by_row;
use crate::server::{Tensor, TensorValues, Tensors};

/// How increments were laid.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Replayed {
    /// Increments that were laid.
    pub increments: u64,
    /// Rows with older values than in the last increment's job, since an increment was missing or
    /// in a wrong order.
    pub stale_rows: u64,
}

/// Why increments cannot be laid.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// There are not enough increments for the fault.
    #[error(
        "it stands for a full checkpoint and {}, and the fault that `start.replay` chooses needs {needs}: leave \
         `start.replay` out, or start from a later increment (`checkpoint.increments`)",
        counted(*increments as u64, "increment", "increments")
    )]
    TooFew {
        /// Increments, the file itself included.
        increments: usize,
        /// Increments that the fault needs.
        needs: usize,
    },
    /// A file before an increment is not there.
    #[error(
        "it is an increment, to be laid over {full} and all increments since, and {missing} is not beside it: \
         put these files into one folder, or start from a full checkpoint"
    )]
    Missing {
        /// The full checkpoint.
        full: String,
        /// The file that is not there.
        missing: String,
    },
    /// A file before an increment is another one than it was.
    #[error(
        "{file} beside it is not the file that was there when it was saved: this one is damaged, of another job, \
         or of another run; bring back the file with the SHA-256 {sha256}, or start from a full checkpoint"
    )]
    Other {
        /// The file.
        file: String,
        /// What it should be.
        sha256: String,
    },
    /// A file before an increment cannot be used.
    #[error("{file}, over which it is laid: {error}")]
    File {
        /// The file.
        file: String,
        /// Why.
        error: Box<CheckpointError>,
    },
    /// The files do not follow each other.
    #[error("its entry `straggler` is damaged: {file} is not the file before increment {number}")]
    Broken {
        /// The file before it.
        file: String,
        /// Number of the increment.
        number: u32,
    },
    /// An increment has rows or tensors that its full checkpoint does not have.
    #[error("`{name}` of {file} does not fit the full checkpoint: it is damaged")]
    Misfit {
        /// The tensor.
        name: String,
        /// The increment.
        file: String,
    },
}

/// The full checkpoint that an increment from a file in `folder` stands for; any other file as it
/// is. `missing` chooses the increment that is missing, if one is.
///
/// # Errors
/// [`ReplayError`].
pub fn replay(
    last: LoadedCheckpoint,
    folder: &Path,
    how: Replay,
    missing: u64,
) -> Result<(LoadedCheckpoint, Option<Replayed>), ReplayError> {
    let enough = |increments| match how.needs() {
        needs if needs > increments => Err(ReplayError::TooFew { increments, needs }),
        _ => Ok(()),
    };
    let Some(of) = increment(&last).cloned() else {
        enough(0)?;
        return Ok((last, None));
    };
    let (mut full, mut increments) = (read(&of.after, folder, &of)?, Vec::new());
    let (mut number, mut name) = (of.number, of.after.file.clone());
    while let Some(before) = increment(&full).cloned() {
        if before.number >= number || before.full != of.full {
            return Err(ReplayError::Broken { file: name, number });
        }
        let next = read(&before.after, folder, &before)?;
        let tensors = std::mem::replace(&mut full, next).checkpoint.tensors;
        increments.push((name, tensors));
        (number, name) = (before.number, before.after.file.clone());
    }
    if name != of.full.file || number != 1 {
        return Err(ReplayError::Broken { file: name, number });
    }
    increments.reverse();
    let LoadedCheckpoint { checkpoint, about, sha256 } = last;
    increments.push((String::from("the increment"), checkpoint.tensors));
    enough(increments.len())?;
    let order = how.order(increments.len(), missing);
    let stale_rows = stale_rows(&increments, &order);
    let mut tensors = full.checkpoint.tensors;
    for &index in &order {
        let (file, own) = &increments[index];
        lay(&mut tensors, own).map_err(|name| ReplayError::Misfit { name, file: file.clone() })?;
    }
    let checkpoint = crate::sim::Checkpoint { tensors, ..checkpoint };
    let replayed = Replayed { increments: order.len() as u64, stale_rows };
    Ok((LoadedCheckpoint { checkpoint, about, sha256 }, Some(replayed)))
}

fn increment(of: &LoadedCheckpoint) -> Option<&IncrementOf> {
    of.about.as_ref().and_then(|about| about.increment.as_ref())
}

/// The file before an increment.
fn read(
    before: &FileRef,
    folder: &Path,
    of: &IncrementOf,
) -> Result<LoadedCheckpoint, ReplayError> {
    let file = before.file.clone();
    // A name must not lead out of the folder.
    if Path::new(&file).file_name().is_none_or(|own| own != file.as_str()) {
        return Err(ReplayError::Broken { file, number: of.number });
    }
    let bytes = match fs::read(folder.join(&file)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let full = of.full.file.clone();
            return Err(ReplayError::Missing { full, missing: file });
        }
        Err(error) => return Err(ReplayError::File { file, error: Box::new(error.into()) }),
    };
    if hex_digest(&bytes) != before.sha256 {
        return Err(ReplayError::Other { file, sha256: before.sha256.clone() });
    }
    file::parse(&bytes).map_err(|error| ReplayError::File { file, error: Box::new(error) })
}

/// The tables and row numbers that an increment lists.
fn lists(increment: &Tensors) -> impl Iterator<Item = (&str, &[u32])> {
    increment.iter().filter_map(|(name, tensor)| match &tensor.values {
        TensorValues::U32(rows) => Some((name.strip_prefix(ROWS)?, &rows[..])),
        _ => None,
    })
}

/// Rows with older values than if all increments had been laid in their order.
fn stale_rows(increments: &[(String, Tensors)], order: &[usize]) -> u64 {
    let rows = |index: usize| -> BTreeSet<(&str, u32)> {
        let of = lists(&increments[index].1);
        of.flat_map(|(table, rows)| rows.iter().map(move |row| (table, *row))).collect()
    };
    let all: Vec<BTreeSet<(&str, u32)>> = (0..increments.len()).map(rows).collect();
    let everything: BTreeSet<(&str, u32)> = all.iter().flatten().copied().collect();
    let is_stale = |row: &&(&str, u32)| {
        let newest = (0..all.len()).rev().find(|&index| all[index].contains(*row));
        let laid = order.iter().rev().copied().find(|&index| all[index].contains(*row));
        newest != laid
    };
    everything.iter().filter(is_stale).count() as u64
}

/// Lays an increment over a full checkpoint.
///
/// # Errors
/// The name of the tensor that does not fit; the full checkpoint is half changed then.
pub fn lay(full: &mut Tensors, increment: &Tensors) -> Result<(), String> {
    let listed: Vec<(&str, &[u32])> = lists(increment).collect();
    let is_list = |name: &str| {
        name.split_once('/').is_some_and(|(kind, table)| {
            ["rows", "keys", "gone"].contains(&kind) && listed.iter().any(|(of, _)| *of == table)
        })
    };
    for (name, own) in increment.iter().filter(|(name, _)| !is_list(name)) {
        let misfit = || name.clone();
        let into = full.get_mut(name).ok_or_else(misfit)?;
        match listed.iter().find(|(table, _)| is_by_row(name, table)) {
            Some((_, rows)) => lay_rows(into, own, rows).ok_or_else(misfit)?,
            None if own.shape == into.shape => into.clone_from(own),
            None => return Err(misfit()),
        }
    }
    Ok(())
}

fn lay_rows(into: &mut Tensor, own: &Tensor, rows: &[u32]) -> Option<()> {
    let (&all, width) = into.shape.split_first()?;
    let fits = own.shape.split_first() == Some((&rows.len(), width))
        && rows.iter().all(|&row| (row as usize) < all);
    let width = width.iter().product();
    match (&mut into.values, &own.values) {
        _ if !fits => return None,
        (TensorValues::F32(into), TensorValues::F32(own)) => put(into, own, rows, width),
        (TensorValues::U32(into), TensorValues::U32(own)) => put(into, own, rows, width),
        (TensorValues::U64(into), TensorValues::U64(own)) => put(into, own, rows, width),
        (TensorValues::U8(into), TensorValues::U8(own)) => put(into, own, rows, width),
        _ => return None,
    }
    Some(())
}

fn put<T: Copy>(into: &mut [T], own: &[T], rows: &[u32], width: usize) {
    for (at, &row) in rows.iter().enumerate() {
        into[row as usize * width..][..width].copy_from_slice(&own[at * width..][..width]);
    }
}
