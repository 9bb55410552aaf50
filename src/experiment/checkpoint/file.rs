//! Checkpoint files: safetensors, which every framework reads. One entry of the metadata,
//! `straggler`, holds everything that is not a tensor, and a checksum of the whole.

use std::borrow::Cow;
use std::fs;
use std::io;
use std::path::Path;

use safetensors::{Dtype, SafeTensorError, SafeTensors, View};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::increments::IncrementOf;
use crate::data::order::Position;
use crate::optimizer::schedule::Moment;
use crate::results::folder::{FolderError, hex_digest, write_atomically};
use crate::results::semantics::SEMANTICS;
use crate::server::{Tensor, TensorValues, Tensors};
use crate::sim::Checkpoint;
use crate::sim::training_clock::Elapsed;

/// The key of our entry among the metadata.
const KEY: &str = "straggler";
/// Version of the entry.
const FORMAT: u32 = 1;

/// The content of a checkpoint file besides its tensors.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckpointMetadata {
    /// Version of this entry.
    pub format: u32,
    /// Version of the simulation's semantics.
    pub semantics: u32,
    /// Name of the scenario.
    pub scenario: String,
    /// Its seed.
    pub seed: u64,
    /// A text that identifies the days and the data that it was trained on.
    pub window: String,
    /// Updates, including those of earlier jobs.
    pub updates: u64,
    /// Examples of these updates.
    pub examples: u64,
    /// Simulated seconds.
    pub seconds: f64,
    /// Updates of each shard.
    pub versions: Vec<u64>,
    /// Where the next examples come from: the pass, and the number of its examples that were fed.
    pub position: Position,
    /// What it is laid over, if it is an increment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub increment: Option<IncrementOf>,
    /// SHA-256 of everything else in the file, tensor by tensor.
    pub sha256: String,
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// It cannot be read.
    #[error("cannot read the checkpoint: {0}")]
    Read(#[from] io::Error),
    /// It is not a safetensors file, or it is cut off.
    #[error("this is no safetensors file, or it is cut off or damaged: {0}")]
    Format(SafeTensorError),
    /// Its metadata cannot be read.
    #[error("its entry `straggler` cannot be read, so it is damaged: {0}")]
    About(serde_json::Error),
    /// Another version of the program wrote it.
    #[error("it has version {found} of the format, and this program reads version {FORMAT}")]
    Version {
        /// Its version.
        found: u32,
    },
    /// The file has changed since it was written.
    #[error("its checksum does not match: it is damaged")]
    Damaged,
    /// A tensor has a type that is not supported.
    #[error("`{name}` has elements of type {dtype}; f32, f64, u8, u32 and u64 are read")]
    Type {
        /// The tensor.
        name: String,
        /// Its type.
        dtype: String,
    },
}

/// A checkpoint that was read.
#[derive(Clone, PartialEq, Debug)]
pub struct LoadedCheckpoint {
    /// The parts of the job in the file. A file that straggler has not written has only tensors.
    pub checkpoint: Checkpoint,
    /// The content besides the tensors. `None` if straggler has not written the file: then nothing
    /// shows whether it is damaged.
    pub about: Option<CheckpointMetadata>,
    /// SHA-256 of the whole file.
    pub sha256: String,
}

/// The scenario that a checkpoint belongs to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CheckpointSource {
    /// Its name.
    pub scenario: String,
    /// Its seed.
    pub seed: u64,
    /// A text that identifies the days and the data that it is trained on.
    pub window: String,
}

struct Bytes<'a>(&'a Tensor);

impl View for Bytes<'_> {
    fn dtype(&self) -> Dtype {
        match self.0.values {
            TensorValues::F32(_) => Dtype::F32,
            TensorValues::U32(_) => Dtype::U32,
            TensorValues::U64(_) => Dtype::U64,
            TensorValues::U8(_) => Dtype::U8,
        }
    }

    fn shape(&self) -> &[usize] {
        &self.0.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Owned(bytes(self.0))
    }

    fn data_len(&self) -> usize {
        match &self.0.values {
            TensorValues::F32(values) => 4 * values.len(),
            TensorValues::U32(values) => 4 * values.len(),
            TensorValues::U64(values) => 8 * values.len(),
            TensorValues::U8(values) => values.len(),
        }
    }
}

fn bytes(tensor: &Tensor) -> Vec<u8> {
    match &tensor.values {
        TensorValues::F32(values) => values.iter().flat_map(|x| x.to_le_bytes()).collect(),
        TensorValues::U32(values) => values.iter().flat_map(|x| x.to_le_bytes()).collect(),
        TensorValues::U64(values) => values.iter().flat_map(|x| x.to_le_bytes()).collect(),
        TensorValues::U8(values) => values.clone(),
    }
}

/// Writes a checkpoint, whole or not at all: the same bytes for the same checkpoint. `increment` says
/// what it is laid over, if it is an increment. Returns the SHA-256 of the file.
///
/// # Errors If the system refuses; an earlier file stays as it was.
pub fn write(
    path: &Path,
    checkpoint: &Checkpoint,
    source: &CheckpointSource,
    increment: Option<IncrementOf>,
) -> Result<String, FolderError> {
    let Checkpoint { tensors, elapsed, position } = checkpoint;
    let mut about = CheckpointMetadata {
        format: FORMAT,
        semantics: SEMANTICS,
        scenario: source.scenario.clone(),
        seed: source.seed,
        window: source.window.clone(),
        updates: elapsed.progress.updates,
        examples: elapsed.progress.examples,
        seconds: elapsed.progress.seconds,
        versions: elapsed.versions.clone(),
        position: *position,
        increment,
        sha256: String::new(),
    };
    about.sha256 = checksum(&json(&about), tensors);
    // Only one entry, because the order of several entries is not always the same.
    let text = json(&about);
    let entry = std::iter::once((KEY.to_owned(), text)).collect();
    let views = tensors.iter().map(|(name, tensor)| (name, Bytes(tensor)));
    let file = safetensors::serialize(views, Some(entry)).expect("shapes fit their elements");
    write_atomically(path, &file).map(|()| hex_digest(&file))
}

/// Reads a checkpoint and checks that it is whole.
///
/// # Errors
/// [`CheckpointError`].
pub fn read(path: &Path) -> Result<LoadedCheckpoint, CheckpointError> {
    parse(&fs::read(path)?)
}

/// The checkpoint in the bytes of a file, checked.
///
/// # Errors
/// As [`read`].
pub fn parse(file: &[u8]) -> Result<LoadedCheckpoint, CheckpointError> {
    let (_, header) = SafeTensors::read_metadata(file).map_err(CheckpointError::Format)?;
    let entry = header.metadata().as_ref().and_then(|entries| entries.get(KEY)).cloned();
    let all = SafeTensors::deserialize(file).map_err(CheckpointError::Format)?;
    let mut tensors = Tensors::new();
    for (name, view) in all.iter() {
        let values = values(view.dtype(), view.data()).ok_or_else(|| CheckpointError::Type {
            name: name.to_owned(),
            dtype: format!("{:?}", view.dtype()).to_lowercase(),
        })?;
        tensors.insert(name.to_owned(), Tensor { shape: view.shape().to_vec(), values });
    }
    let Some(entry) = entry else {
        let (elapsed, position) = (Elapsed::default(), Position::default());
        let checkpoint = Checkpoint { tensors, elapsed, position };
        return Ok(LoadedCheckpoint { checkpoint, about: None, sha256: hex_digest(file) });
    };
    let about: CheckpointMetadata = serde_json::from_str(&entry).map_err(CheckpointError::About)?;
    if about.format != FORMAT {
        return Err(CheckpointError::Version { found: about.format });
    }
    // The checksum is of the text, not of its meaning: several texts may mean the same number.
    if checksum(&entry.replacen(&about.sha256, "", 1), &tensors) != about.sha256 {
        return Err(CheckpointError::Damaged);
    }
    let CheckpointMetadata { updates, examples, seconds, versions, position, .. } = about.clone();
    let elapsed = Elapsed { progress: Moment { updates, examples, seconds }, versions };
    let checkpoint = Checkpoint { tensors, elapsed, position };
    Ok(LoadedCheckpoint { checkpoint, about: Some(about), sha256: hex_digest(file) })
}

fn values(dtype: Dtype, data: &[u8]) -> Option<TensorValues> {
    Some(match dtype {
        Dtype::F32 => TensorValues::F32(numbers(data, f32::from_le_bytes)),
        Dtype::F64 => TensorValues::F32(numbers(data, |bytes| f64::from_le_bytes(bytes) as f32)),
        Dtype::U32 => TensorValues::U32(numbers(data, u32::from_le_bytes)),
        Dtype::U64 => TensorValues::U64(numbers(data, u64::from_le_bytes)),
        Dtype::U8 => TensorValues::U8(data.to_vec()),
        _ => return None,
    })
}

fn numbers<const N: usize, T>(data: &[u8], number: impl Fn([u8; N]) -> T) -> Vec<T> {
    data.as_chunks::<N>().0.iter().map(|bytes| number(*bytes)).collect()
}

fn json(about: &CheckpointMetadata) -> String {
    serde_json::to_string(about).expect("plain data is valid JSON")
}

/// A checksum of everything in the file but itself: our entry without the checksum, and the
/// tensors. It does not matter how the rest of the header is written.
fn checksum(entry: &str, tensors: &Tensors) -> String {
    let mut hash = Sha256::new();
    hash.update(entry);
    for (name, tensor) in tensors {
        hash.update(format!("{name} {}\n", tensor.describe()));
        hash.update(bytes(tensor));
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint() -> Checkpoint {
        let tensor = |shape: &[usize], values| Tensor { shape: shape.to_vec(), values };
        let tensors = Tensors::from([
            (
                "item".to_owned(),
                tensor(&[2, 2], TensorValues::F32(vec![1.0, -0.5, f32::MIN_POSITIVE, 0.0])),
            ),
            ("item/updates".to_owned(), tensor(&[2], TensorValues::U32(vec![7, 0]))),
            ("out.bias/updates".to_owned(), tensor(&[1], TensorValues::U64(vec![u64::MAX]))),
        ]);
        let seconds = 0.1 + 0.2;
        let progress = Moment { updates: 7, examples: 900, seconds };
        let elapsed = Elapsed { progress, versions: vec![7, 8] };
        Checkpoint { tensors, elapsed, position: Position { pass: 1, offset: 3 } }
    }

    fn source() -> CheckpointSource {
        CheckpointSource { scenario: "small".into(), seed: 3, window: "days 1..2".into() }
    }

    #[test]
    fn what_is_written_reads_back_the_same_and_has_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("1.safetensors"), folder.path().join("2.safetensors"));
        write(&one, &checkpoint(), &source(), None).unwrap();
        write(&two, &checkpoint(), &source(), None).unwrap();
        assert_eq!(fs::read(&one).unwrap(), fs::read(&two).unwrap());
        let found = read(&one).unwrap();
        assert_eq!(found.checkpoint, checkpoint());
        assert_eq!(found.about.unwrap().scenario, "small");
    }

    #[test]
    fn r22_every_flipped_bit_and_every_truncation_of_a_checkpoint_is_detected() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.safetensors");
        write(&path, &checkpoint(), &source(), None).unwrap();
        let whole = fs::read(&path).unwrap();
        for bit in 0..whole.len() * 8 {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let found = parse(&damaged);
            // Only our entry has this name. With another name the file counts as written by another
            // program.
            let is_foreign = found.as_ref().is_ok_and(|found| found.about.is_none());
            assert!(found.is_err() || is_foreign, "bit {bit} of {}", whole.len() * 8);
        }
        for length in 0..whole.len() {
            assert!(parse(&whole[..length]).is_err(), "{length} bytes");
        }
    }
}
