//! Files that the user names: an existing one is not overwritten without `--force`, and a file has
//! its name only when it is complete.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::exit::{Exit, Failure};

/// A file that is being written.
#[derive(Debug)]
pub(super) struct NamedFile {
    path: PathBuf,
    /// Where it lies until it is complete; a device or a pipe is written directly.
    temporary: Option<PathBuf>,
    out: BufWriter<File>,
}

/// Refuses a file that exists, unless `force` is given. For commands that compute first.
///
/// # Errors
/// If it exists.
pub(super) fn refuse_existing(path: &Path, force: bool) -> Result<(), Failure> {
    if force || !is_ordinary(path) {
        return Ok(());
    }
    let message = format!(
        "{} exists already, and nothing was written; use another name, or --force to overwrite it",
        path.display()
    );
    Err(Failure::new(Exit::Refused, message))
}

/// Writes a whole file.
///
/// # Errors
/// If it exists and `force` is not given, or the system refuses.
pub(super) fn write(path: &Path, force: bool, content: &[u8]) -> Result<(), Failure> {
    let mut file = NamedFile::create(path, force)?;
    file.write_all(content).map_err(|error| failure(path, &error))?;
    file.end()
}

impl NamedFile {
    /// # Errors
    /// If it exists and `force` is not given, or the system refuses.
    pub(super) fn create(path: &Path, force: bool) -> Result<NamedFile, Failure> {
        refuse_existing(path, force)?;
        let special = path.exists() && !path.is_file();
        let temporary = (!special).then(|| {
            let mut name = path.as_os_str().to_owned();
            name.push(".tmp");
            PathBuf::from(name)
        });
        let opened = match &temporary {
            // A folder is refused by the system, with its own words.
            None => File::options().write(true).open(path),
            Some(temporary) => {
                // A link with this name is removed, not followed.
                drop(fs::remove_file(temporary));
                File::create_new(temporary)
            }
        };
        let out = BufWriter::new(opened.map_err(|error| failure(path, &error))?);
        Ok(NamedFile { path: path.to_path_buf(), temporary, out })
    }

    /// Gives the complete file its name.
    ///
    /// # Errors
    /// If the system refuses; what was written is removed.
    pub(super) fn end(mut self) -> Result<(), Failure> {
        let ended = self.out.flush().and_then(|()| match &self.temporary {
            None => Ok(()),
            Some(temporary) => {
                self.out.get_ref().sync_all()?;
                fs::rename(temporary, &self.path)
            }
        });
        ended.map_err(|error| failure(&self.path, &error))?;
        self.temporary = None;
        Ok(())
    }
}

impl Write for NamedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Drop for NamedFile {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            drop(fs::remove_file(temporary));
        }
    }
}

/// Whether writing it would lose what it holds: not so for a device or a pipe.
fn is_ordinary(path: &Path) -> bool {
    path.is_file() || path.is_symlink() && !path.exists()
}

fn failure(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::Write, format!("cannot write {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_existing_file_stays_unless_it_is_forced_and_a_broken_one_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.csv");
        write(&path, false, b"one").unwrap();
        assert_eq!(write(&path, false, b"two").unwrap_err().exit, Exit::Refused);
        assert_eq!(fs::read(&path).unwrap(), b"one");
        write(&path, true, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        let mut half = NamedFile::create(&path, true).unwrap();
        half.write_all(b"thr").unwrap();
        drop(half);
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_full_device_is_an_error_and_stays_a_device() {
        let full = Path::new("/dev/full");
        if full.exists() {
            assert_eq!(write(full, false, b"text").unwrap_err().exit, Exit::Write);
            assert!(full.exists());
        }
    }
}
