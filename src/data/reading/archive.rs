//! Streaming one member out of a zip archive.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Take};

use flate2::Crc;
use flate2::read::DeflateDecoder;
use zip::{CompressionMethod, ZipArchive};

use crate::data::error::DataError;

/// A member's bytes, checked against the length and checksum of the archive's directory.
pub(crate) struct MemberReader {
    bytes: Box<dyn Read>,
    crc: Crc,
    expected_crc: u32,
    expected_len: u64,
    read: u64,
}

impl Read for MemberReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.bytes.read(buffer)?;
        self.crc.update(&buffer[..count]);
        self.read += count as u64;
        if count == 0 && !buffer.is_empty() {
            let bad = |text: &str| Err(io::Error::new(io::ErrorKind::InvalidData, text));
            if self.read != self.expected_len {
                return bad("the archive member is shorter than the archive says");
            }
            if self.crc.sum() != self.expected_crc {
                return bad("the archive member's checksum is wrong");
            }
        }
        Ok(count)
    }
}

/// Finds `member` (or the only file, if `None`) and returns its name and its bytes.
///
/// The `zip` crate returns a member as a borrow of the archive. Here the directory is read once and
/// the member is streamed from the file itself, so that the reader owns its input.
pub(crate) fn open_member(
    file: File,
    path: &str,
    member: Option<&str>,
) -> Result<(String, MemberReader), DataError> {
    let problem = |problem: String| DataError::Archive { path: path.to_string(), problem };
    let mut archive = ZipArchive::new(BufReader::new(file))
        .map_err(|error| problem(format!("{error}; it is probably cut short, fetch it again")))?;
    let index = choose(&mut archive, path, member)?;
    let entry = archive.by_index_raw(index).map_err(|error| problem(error.to_string()))?;
    if entry.encrypted() {
        return Err(problem("the member is encrypted: unpack it first".to_string()));
    }
    let start = entry.data_start().ok_or_else(|| problem("the member has no data".to_string()))?;
    let name = String::from_utf8_lossy(entry.name_raw()).into_owned();
    let (method, packed_len) = (entry.compression(), entry.compressed_size());
    let (expected_crc, expected_len) = (entry.crc32(), entry.size());
    drop(entry);
    let mut file = archive.into_inner();
    file.seek(SeekFrom::Start(start)).map_err(|error| problem(error.to_string()))?;
    let packed: Take<BufReader<File>> = file.take(packed_len);
    let bytes: Box<dyn Read> = match method {
        CompressionMethod::Stored => Box::new(packed),
        CompressionMethod::Deflated => Box::new(DeflateDecoder::new(packed)),
        other => {
            return Err(problem(format!("{other} compression is not read: unpack it first")));
        }
    };
    let reader = MemberReader { bytes, crc: Crc::new(), expected_crc, expected_len, read: 0 };
    Ok((name, reader))
}

fn choose(
    archive: &mut ZipArchive<BufReader<File>>,
    path: &str,
    member: Option<&str>,
) -> Result<usize, DataError> {
    let names: Vec<(usize, String)> = (0..archive.len())
        .filter_map(|index| {
            let entry = archive.by_index_raw(index).ok()?;
            let name = String::from_utf8_lossy(entry.name_raw()).into_owned();
            (!name.ends_with('/')).then_some((index, name))
        })
        .collect();
    let found = match member {
        Some(member) => names.iter().find(|(_, name)| name == member),
        None => names.first().filter(|_| names.len() == 1),
    };
    found.map(|(index, _)| *index).ok_or_else(|| DataError::Member {
        path: path.to_string(),
        member: member.unwrap_or("").to_string(),
        members: nearest_first(member.unwrap_or(""), names),
    })
}

/// The names, those most like `asked` first; without a name, in the order of the archive.
fn nearest_first(asked: &str, names: Vec<(usize, String)>) -> Vec<String> {
    let likeness = |name: &str| strsim::jaro_winkler(asked, name);
    let mut ranked: Vec<(f64, String)> =
        names.into_iter().map(|(_, name)| (likeness(&name), name)).collect();
    if !asked.is_empty() {
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    }
    ranked.into_iter().map(|(_, name)| name).collect()
}
