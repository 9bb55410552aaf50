//! Opens the files that a scenario names: plain files, gzip, zstd, and members of zip archives.
//!
//! The first bytes decide about the compression, not the name. Everything is streamed; nothing is
//! unpacked to disk or held completely in memory.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::watch::Place;
use super::{archive, known};
use crate::data::error::DataError;

/// Bytes buffered between the file, the decoder and the rows.
const BUFFER: usize = 1 << 18;

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// Begins, after one of 16 first bytes, a frame that decoders skip.
const ZSTD_SKIPPED: &[u8] = &[0x2a, 0x4d, 0x18];
const ZIP: &[u8] = b"PK\x03\x04";
const UTF8_MARK: &[u8] = &[0xef, 0xbb, 0xbf];

/// A stream of uncompressed bytes and its name in messages.
pub struct Input<'a> {
    /// Path, and member after `!` if the file is an archive.
    pub name: String,
    /// The bytes, without a byte order mark.
    pub reader: Box<dyn BufRead + 'a>,
}

impl fmt::Debug for Input<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<'a> Input<'a> {
    /// Decodes `reader` by its first bytes: gzip (also of several members), zstd, or plain.
    ///
    /// # Errors
    /// If the first bytes cannot be read or decoded.
    pub fn decode(name: &str, reader: Box<dyn BufRead + 'a>) -> Result<Input<'a>, DataError> {
        let decoded = decode(reader).map_err(|source| DataError::Read {
            path: name.to_string(),
            line: 0,
            source,
        })?;
        let mut input = Input { name: name.to_string(), reader: decoded };
        match known::unread(input.beginning()?) {
            Some((format, way)) => Err(DataError::Format { path: input.name, format, way }),
            None => Ok(input),
        }
    }

    /// The first bytes, which stay in the stream.
    pub(crate) fn beginning(&mut self) -> Result<&[u8], DataError> {
        let read = |source| DataError::Read { path: self.name.clone(), line: 0, source };
        self.reader.fill_buf().map_err(read)
    }

    /// The beginning of the first line, which stays in the stream; it distinguishes formats.
    pub(crate) fn first_line(&mut self) -> Result<Vec<u8>, DataError> {
        let bytes = self.beginning()?;
        let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
        let line = &bytes[..end];
        Ok(line.strip_suffix(b"\r").unwrap_or(line).to_vec())
    }
}

fn decode<'a>(mut reader: Box<dyn BufRead + 'a>) -> io::Result<Box<dyn BufRead + 'a>> {
    let start = reader.fill_buf()?;
    let mut decoded: Box<dyn BufRead + 'a> = if start.starts_with(GZIP) {
        buffered(flate2::bufread::MultiGzDecoder::new(reader))
    } else if start.starts_with(ZSTD)
        || matches!(start, [0x50..=0x5f, rest @ ..] if rest.starts_with(ZSTD_SKIPPED))
    {
        buffered(zstd::stream::read::Decoder::with_buffer(reader)?)
    } else {
        reader
    };
    if decoded.fill_buf()?.starts_with(UTF8_MARK) {
        decoded.consume(UTF8_MARK.len());
    }
    Ok(decoded)
}

fn buffered<'a>(reader: impl Read + 'a) -> Box<dyn BufRead + 'a> {
    Box::new(BufReader::with_capacity(BUFFER, reader))
}

/// Opens `path`, taken from the folder of `place` unless absolute, for streaming.
///
/// A member of a zip archive is written as `archive.zip!folder/member.csv`; an archive with a
/// single file needs no member.
///
/// # Errors
/// If the file is missing or cannot be opened, the archive does not have that member, or its
/// beginning is damaged. The error names the absolute path, or the existing members.
pub fn open<'a>(place: impl Into<Place<'a>>, path: &str) -> Result<Input<'static>, DataError> {
    let Place { base_dir, watch } = place.into();
    let whole = on_disk(base_dir, path);
    if let Some((_, member)) = path.split_once('!')
        && whole != absolute(base_dir, path)
    {
        return open_member(&whole, Some(member));
    }
    let file = open_file(&whole)?;
    let mut reader: Box<dyn BufRead> = match watch {
        Some(watch) => buffered(watch.over(file, &whole)),
        None => buffered(file),
    };
    let name = whole.display().to_string();
    let start =
        reader.fill_buf().map_err(|source| DataError::Open { path: name.clone(), source })?;
    if start.starts_with(ZIP) {
        return open_member(&whole, None);
    }
    Input::decode(&name, reader)
}

/// Looks whether files exist, so that all that are missing are named at once.
///
/// # Errors
/// If one does not exist.
pub(crate) fn all_exist(base_dir: &Path, paths: &[&str]) -> Result<(), DataError> {
    let missing = paths.iter().filter(|path| !on_disk(base_dir, path).exists());
    let mut missing = missing.map(|path| absolute(base_dir, path).display().to_string());
    match missing.next() {
        Some(path) => Err(DataError::Missing { path, others: missing.collect() }),
        None => Ok(()),
    }
}

/// The file in which the bytes of `path` are: itself, or the archive of which it is a member.
pub(crate) fn on_disk(base_dir: &Path, path: &str) -> PathBuf {
    let whole = absolute(base_dir, path);
    match path.split_once('!').filter(|_| !whole.exists()) {
        Some((archive, _)) => absolute(base_dir, archive),
        None => whole,
    }
}

/// As [`open`]; of an archive of several files, the member with the first of these names that one
/// has, in any folder.
///
/// # Errors
/// As [`open`].
pub(crate) fn open_one_of(
    place: Place<'_>,
    path: &str,
    names: &[&str],
) -> Result<Input<'static>, DataError> {
    let found = open(place, path);
    let Err(DataError::Member { member, members, .. }) = &found else { return found };
    let base = |member: &str| member.rsplit('/').next().unwrap_or_default().to_string();
    let wanted = names.iter().find_map(|name| members.iter().find(|member| base(member) == *name));
    match wanted.filter(|_| member.is_empty()) {
        Some(wanted) => open_member(&absolute(place.base_dir, path), Some(wanted)),
        None => found,
    }
}

fn open_member(path: &Path, member: Option<&str>) -> Result<Input<'static>, DataError> {
    let shown = path.display().to_string();
    let (member, stream) = archive::open_member(open_file(path)?, &shown, member)?;
    Input::decode(&format!("{shown}!{member}"), buffered(stream))
}

/// The absolute form of `path`, for reading and for messages.
pub(crate) fn absolute(base_dir: &Path, path: &str) -> PathBuf {
    let joined = base_dir.join(path);
    std::path::absolute(&joined).unwrap_or(joined)
}

/// Opens a regular file.
pub(crate) fn open_file(path: &Path) -> Result<File, DataError> {
    let shown = path.display().to_string();
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => DataError::Missing { path: shown.clone(), others: Vec::new() },
        _ => DataError::Open { path: shown.clone(), source },
    };
    // Asked before it is opened: to open a pipe is to wait for its writer.
    let kind = std::fs::metadata(path).map_err(failed)?;
    let refused = |kind, why: &str| Err(failed(io::Error::new(kind, why)));
    if kind.is_dir() {
        return refused(io::ErrorKind::IsADirectory, "it is a folder, name a file");
    }
    if !kind.is_file() {
        let why = "it is a pipe or a device, and a log is read more than once: write it to a file";
        return refused(io::ErrorKind::InvalidInput, why);
    }
    File::open(path).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Cursor, Write};

    fn text(path: &Path) -> Result<String, String> {
        let mut input = open(Path::new("/"), path.to_str().unwrap()).map_err(|e| e.to_string())?;
        let mut text = String::new();
        input.reader.read_to_string(&mut text).map_err(|e| e.to_string())?;
        Ok(text)
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in members {
            writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn written(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.txt");
        std::fs::write(&path, bytes).unwrap();
        (folder, path)
    }

    #[test]
    fn compression_is_told_by_content() {
        let members = [gzip(b"a\n"), gzip(b"b\n")].concat();
        for bytes in [
            b"a\nb\n".to_vec(),
            b"\xef\xbb\xbfa\nb\n".to_vec(),
            members,
            zstd::encode_all(&b"a\nb\n"[..], 1).unwrap(),
            [
                &[0x53, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9],
                &zstd::encode_all(&b"a\nb\n"[..], 1).unwrap()[..],
            ]
            .concat(),
            zip(&[("only.csv", b"a\nb\n")]),
        ] {
            let (_folder, path) = written(&bytes);
            assert_eq!(text(&path).unwrap(), "a\nb\n");
        }
    }

    #[test]
    fn a_member_is_named_after_the_archive() {
        let (_folder, path) = written(&zip(&[("d/x.csv", b"x"), ("d/y.csv.gz", &gzip(b"y"))]));
        let member = |name: &str| PathBuf::from(format!("{}!{name}", path.display()));
        assert_eq!(text(&member("d/x.csv")).unwrap(), "x");
        assert_eq!(text(&member("d/y.csv.gz")).unwrap(), "y");
        let error = text(&member("d/z.csv")).unwrap_err();
        assert!(error.contains("d/x.csv, d/y.csv.gz"), "{error}");
        assert!(text(&path).unwrap_err().contains("one of: d/x.csv"));
    }

    #[test]
    fn a_member_is_found_by_its_name_and_many_are_not_listed() {
        let (_folder, path) = written(&zip(&[("ml/README", b"r"), ("ml/ratings.dat", b"x")]));
        let mut input = open_one_of(
            Path::new("/").into(),
            path.to_str().unwrap(),
            &["ratings.csv", "ratings.dat"],
        )
        .unwrap();
        assert_eq!(input.beginning().unwrap(), b"x");
        let names: Vec<String> = (0..500).map(|n| format!("part-{n:03}.csv")).collect();
        let members: Vec<(&str, &[u8])> = names.iter().map(|name| (&**name, &b"x"[..])).collect();
        let (_folder, path) = written(&zip(&members));
        let error = text(&PathBuf::from(format!("{}!part-4a7.csv", path.display()))).unwrap_err();
        assert!(error.contains("part-407.csv") && error.contains("and 470 more"), "{error}");
        assert!(error.len() < 1000, "{error}");
    }

    #[test]
    fn a_missing_file_is_named_absolutely() {
        let error = open(Path::new("/nowhere"), "logs/a.csv").unwrap_err().to_string();
        assert!(error.contains("/nowhere/logs/a.csv") && error.contains("scenario"), "{error}");
        let error = open(Path::new("/nowhere"), "a.zip!b.csv").unwrap_err().to_string();
        assert!(error.contains("/nowhere/a.zip:"), "{error}");
    }

    #[test]
    fn a_folder_is_no_file() {
        let folder = tempfile::tempdir().unwrap();
        assert!(text(folder.path()).unwrap_err().contains("folder"));
    }

    #[cfg(unix)]
    #[test]
    fn a_device_is_no_file() {
        let error = text(Path::new("/dev/zero")).unwrap_err();
        assert!(error.contains("a pipe or a device"), "{error}");
    }

    #[test]
    fn every_truncation_is_an_error_and_never_a_short_log() {
        let content: Vec<u8> =
            (0..2000u32).flat_map(|i| format!("{}\n", i * 7919).into_bytes()).collect();
        let whole = String::from_utf8(content.clone()).unwrap();
        for packed in [
            gzip(&content),
            zstd::encode_all(&content[..], 1).unwrap(),
            zip(&[("log.csv", &content)]),
        ] {
            for cut in (5..packed.len()).step_by(61) {
                let (_folder, path) = written(&packed[..cut]);
                assert_ne!(text(&path).as_ref(), Ok(&whole), "cut at {cut}");
                assert!(text(&path).is_err(), "cut at {cut} of {}", packed.len());
            }
        }
    }

    #[test]
    fn a_damaged_member_fails_its_checksum() {
        let mut packed = zip(&[("log.csv", b"1,2,3\n4,5,6\n")]);
        let at = packed.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
        packed[at + 16] ^= 1;
        let (_folder, path) = written(&packed);
        assert!(text(&path).unwrap_err().contains("checksum"));
    }
}
