//! A column as a file that NumPy and polars read too: a header of fixed length, then the numbers.
//!
//! The file is written while its rows are read; only the shape in the header comes last.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::data::column::{Column, Number};
use crate::data::mapped::MappedFile;

/// Bytes before the numbers: a multiple of 64, so that numbers of any size are aligned.
pub(crate) const HEADER: usize = 128;

/// Version 1.0 of the format, and the length of what follows.
const MAGIC: [u8; 10] = [0x93, b'N', b'U', b'M', b'P', b'Y', 1, 0, (HEADER - 10) as u8, 0];

/// The header of a file with `rows` rows of `width` numbers.
pub(crate) fn header(kind: &str, rows: usize, width: usize) -> [u8; HEADER] {
    let shape = if width == 1 { format!("({rows},)") } else { format!("({rows}, {width})") };
    let text = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}");
    let mut header = [b' '; HEADER];
    header[..MAGIC.len()].copy_from_slice(&MAGIC);
    // Two numbers of 64 bits leave room.
    header[MAGIC.len()..][..text.len()].copy_from_slice(text.as_bytes());
    header[HEADER - 1] = b'\n';
    header
}

/// A column file that is being written.
#[derive(Debug)]
pub(crate) struct ColumnWriter {
    file: File,
    path: PathBuf,
    bytes: u64,
    checksum: crc32fast::Hasher,
}

/// A column file that was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Written {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// CRC-32 of the numbers.
    pub(crate) checksum: u32,
}

impl ColumnWriter {
    /// Creates the file, whose folder exists.
    pub(crate) fn create(path: PathBuf) -> io::Result<ColumnWriter> {
        let mut file =
            File::options().read(true).write(true).create(true).truncate(true).open(&path)?;
        file.write_all(&[0; HEADER])?;
        Ok(ColumnWriter { file, path, bytes: 0, checksum: crc32fast::Hasher::new() })
    }

    /// Adds numbers.
    pub(crate) fn append<T: Number>(&mut self, numbers: &[T]) -> io::Result<()> {
        let bytes: &[u8] = bytemuck::cast_slice(numbers);
        self.file.write_all(bytes)?;
        self.checksum.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// All numbers written so far, into memory.
    pub(crate) fn read_back<T: Number>(&mut self) -> io::Result<Vec<T>> {
        use std::io::Read;
        let mut numbers = vec![T::zeroed(); self.bytes as usize / size_of::<T>()];
        self.file.seek(SeekFrom::Start(HEADER as u64))?;
        self.file.read_exact(bytemuck::cast_slice_mut(&mut numbers))?;
        Ok(numbers)
    }

    /// Ends the file, with rows of `width` numbers, and maps it.
    pub(crate) fn finish<T: Number>(mut self, width: usize) -> io::Result<(Column<T>, Written)> {
        let width = width.max(1) * T::WIDTH;
        let rows = self.bytes as usize * T::WIDTH / size_of::<T>() / width;
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&header(T::KIND, rows, width))?;
        #[cfg(unix)]
        {
            let mut rights = self.file.metadata()?.permissions();
            rights.set_readonly(true);
            // Some file systems know no rights.
            drop(self.file.set_permissions(rights));
        }
        let file = MappedFile::new(&self.file, &self.path)?;
        let end = HEADER + self.bytes as usize;
        let column = Column::mapped(Arc::clone(&file), HEADER..end);
        let column = column.ok_or_else(|| io::Error::other("the file is shorter than written"))?;
        Ok((column, Written { path: self.path, checksum: self.checksum.finalize() }))
    }

    /// The file, to remove it.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_what_numpy_writes() {
        let header = header("<u4", usize::MAX, 26);
        let text =
            "{'descr': '<u4', 'fortran_order': False, 'shape': (18446744073709551615, 26), }";
        assert_eq!(&header[..10], b"\x93NUMPY\x01\x00\x76\x00");
        assert_eq!(&header[10..10 + text.len()], text.as_bytes());
        assert!(header[10 + text.len()..127].iter().all(|byte| *byte == b' '));
        assert_eq!(header[127], b'\n');
    }

    #[test]
    fn what_was_written_is_mapped_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = ColumnWriter::create(folder.path().join("x.npy")).unwrap();
        writer.append(&[[1u32, 2], [3, 4]]).unwrap();
        writer.append(&[[5u32, 6]]).unwrap();
        assert_eq!(writer.read_back::<[u32; 2]>().unwrap(), [[1, 2], [3, 4], [5, 6]]);
        let (column, written) = writer.finish::<[u32; 2]>(1).unwrap();
        assert_eq!(column, [[1, 2], [3, 4], [5, 6]]);
        let bytes = std::fs::read(&written.path).unwrap();
        assert_eq!(bytes[..HEADER], header("<u4", 3, 2));
        assert_eq!(crc32fast::hash(&bytes[HEADER..]), written.checksum);
    }
}
