//! Changes of a results folder. Every such operation of a run or sweep goes through here, so that
//! tests can let each of them fail, or let the process die before it.
//!
//! In builds with debug assertions the variable `STRAGGLER_IO_FAULT` says what happens at the n-th
//! operation. `abort:17` ends the process; `denied:17` and `broken:17` give one error; `full:17` is
//! a disk that is full from then on. `short:17` is a write that takes half of its bytes, and
//! `interrupted:17` one that has to be tried again. `power:17` and `power-some:17` are power cuts
//! that undo all or some of the changes that were not yet on the disk. Other builds ignore the
//! variable.
//! was not yet on the disk is gone. Other builds know nothing of it.

mod fault;
mod fault_plan;
mod journal;

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use journal::journal;

/// A file that is being written.
#[derive(Debug)]
pub(crate) struct Output {
    file: File,
    path: PathBuf,
}

impl Output {
    /// A new file, or an old one emptied. A symbolic link at its path is removed and not followed:
    /// its target is not part of the results.
    pub(crate) fn create(path: &Path) -> io::Result<Output> {
        fault::point()?;
        if path.is_symlink() {
            fs::remove_file(path)?;
        }
        journal(|journal| journal.opens(path));
        Ok(Output { file: File::create(path)?, path: path.to_path_buf() })
    }

    /// An existing file.
    pub(crate) fn reopen(path: &Path) -> io::Result<Output> {
        fault::point()?;
        no_link(path)?;
        journal(|journal| journal.opens(path));
        let file = File::options().read(true).write(true).open(path)?;
        Ok(Output { file, path: path.to_path_buf() })
    }

    /// Cuts the file off.
    pub(crate) fn set_len(&self, length: u64) -> io::Result<()> {
        fault::point()?;
        self.file.set_len(length)
    }

    /// Makes sure that everything is on the disk. The file still has the name it was opened under.
    pub(crate) fn sync(&self) -> io::Result<()> {
        fault::point()?;
        self.file.sync_all()?;
        journal(|journal| journal.syncs_file(&self.path));
        Ok(())
    }

    /// The content of the file, to read.
    pub(crate) fn content(&mut self) -> &mut impl Read {
        &mut self.file
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match fault::write()? {
            fault::WriteLength::Whole => self.file.write(bytes),
            fault::WriteLength::Half => self.file.write(&bytes[..bytes.len().div_ceil(2)]),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for Output {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

/// Refuses a symbolic link in the place of a file of the results.
///
/// # Errors If there is a symbolic link.
pub(crate) fn no_link(path: &Path) -> io::Result<()> {
    if path.is_symlink() {
        return Err(io::Error::other("it is a symbolic link, which no run has made"));
    }
    Ok(())
}

/// Makes a folder inside a folder of results, which must still be there.
///
/// # Errors
/// If there is a symbolic link in its place, or the system refuses.
pub(crate) fn create_inner_folder(path: &Path) -> io::Result<()> {
    fault::point()?;
    no_link(path)?;
    if path.is_dir() {
        return Ok(());
    }
    journal(|journal| journal.makes_folders(path));
    match fs::create_dir(path) {
        // Another process may have been quicker.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error),
        Ok(()) => sync_folder_of(path),
    }
}

/// Makes a folder, and those above it, and syncs them.
pub(crate) fn create_folders(path: &Path) -> io::Result<()> {
    fault::point()?;
    journal(|journal| journal.makes_folders(path));
    let is_new = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
    let made: Vec<&Path> = path.ancestors().take_while(is_new).collect();
    fs::create_dir_all(path)?;
    made.into_iter().rev().try_for_each(sync_folder_of)
}

/// Gives a file another name.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fault::point()?;
    journal(|journal| journal.renames(from, to));
    fs::rename(from, to)
}

/// Removes a file; a missing file is not an error.
pub(crate) fn remove_file(path: &Path) -> io::Result<()> {
    fault::point()?;
    journal(|journal| journal.removes(path));
    gone(fs::remove_file(path))
}

/// Removes a folder with its contents; a missing folder is not an error.
pub(crate) fn remove_folder(path: &Path) -> io::Result<()> {
    if !path.exists() {
        return Ok(());
    }
    fault::point()?;
    journal(|journal| journal.removes_folder(path));
    gone(fs::remove_dir_all(path))
}

fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Syncs the names in the folder of `path`: without this a power cut may undo a rename. Systems
/// that cannot open a folder sync names in their own way.
pub(crate) fn sync_folder_of(path: &Path) -> io::Result<()> {
    fault::point()?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    match File::open(folder) {
        Ok(open) if cfg!(unix) => open.sync_all()?,
        _ => return Ok(()),
    }
    journal(|journal| journal.syncs_folder(folder));
    Ok(())
}
