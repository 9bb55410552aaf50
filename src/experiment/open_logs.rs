//! Logs that several trials or stages share: a log that two would load or generate alike is in memory
//! once.
//!
//! A log is a pure function of its settings, of the folder of its files and, if it draws, of the
//! seed. It never changes once it is open. So sharing changes no result.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::base::Streams;
use crate::data::{DataError, DataSource, OpenContext, SourceChoice};

/// Two logs with the same key are the same.
type Key = (PathBuf, String, Option<u64>, bool);
/// A log that may be open; the slot is locked while the log is being opened.
type OpenLog = Arc<Mutex<Option<Weak<dyn DataSource>>>>;

/// The open logs of a sweep, or of the stages of a run.
///
/// A log that some trial has is given to the next trial that needs it. The log given last is kept a
/// little longer, for trials that run one after the other.
#[derive(Debug, Default)]
pub struct OpenLogs {
    slots: Mutex<BTreeMap<Key, OpenLog>>,
    last: Mutex<Option<Arc<dyn DataSource>>>,
}

impl OpenLogs {
    /// The log that `choice` means for a trial; it is opened unless it is open already.
    ///
    /// # Errors
    /// As [`SourceChoice::open_log`](crate::data::SourceChoice::open_log).
    pub fn open(
        &self,
        choice: &SourceChoice,
        context: &OpenContext<'_>,
    ) -> Result<Arc<dyn DataSource>, DataError> {
        let slot = {
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            let own = key(choice, context);
            // A log that knows more serves whoever does not ask for it.
            let (folder, text, seed, _) = own.clone();
            let more = slots.get(&(folder, text, seed, true)).filter(|slot| is_open(slot));
            match more.map(Arc::clone) {
                Some(slot) => slot,
                None => Arc::clone(slots.entry(own).or_default()),
            }
        };
        // Another thread that needs the same log waits here and then finds it.
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(source) = slot.as_ref().and_then(Weak::upgrade) {
            self.keep(&source);
            return Ok(source);
        }
        // A log that no trial has any more must go before a new one is opened: both may be too much
        // for memory.
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let source = choice.open_log(context)?;
        *slot = Some(Arc::downgrade(&source));
        self.keep(&source);
        Ok(source)
    }

    fn keep(&self, source: &Arc<dyn DataSource>) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some(Arc::clone(source));
    }
}

/// Whether somebody has the log. Not while it is being opened.
fn is_open(slot: &OpenLog) -> bool {
    slot.try_lock().is_ok_and(|log| log.as_ref().is_some_and(|log| log.strong_count() > 0))
}

fn key(choice: &SourceChoice, context: &OpenContext<'_>) -> Key {
    let text = serde_json::to_string(choice).expect("settings are valid JSON");
    let seed = choice.draws().then(|| Streams::seed(context.streams));
    (context.base_dir.to_path_buf(), text, seed, context.instants)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn context(seed: u64) -> OpenContext<'static> {
        OpenContext::new(Path::new("."), Streams::new(seed))
    }

    #[test]
    fn equal_logs_are_opened_once_and_others_are_not_mixed_up() {
        let small = "kind = \"synthetic\"\nrows_per_day = 100\nusers = 50\nitems = 60\n";
        let choice: SourceChoice = toml::from_str(small).unwrap();
        let other: SourceChoice =
            toml::from_str(&small.replace("users = 50", "users = 51")).unwrap();
        let sources = OpenLogs::default();
        let open = |choice, seed| sources.open(choice, &context(seed)).unwrap();
        let first = open(&choice, 1);
        assert!(Arc::ptr_eq(&first, &open(&choice, 1)));
        assert!(!Arc::ptr_eq(&first, &open(&choice, 2)), "another seed is another log");
        assert!(!Arc::ptr_eq(&first, &open(&other, 1)));
        assert!(Arc::ptr_eq(&first, &open(&choice, 1)), "it is still in use");
        // Of the logs that no trial has, only the last is kept.
        let (gone, kept) = (Arc::downgrade(&open(&choice, 3)), Arc::downgrade(&open(&choice, 4)));
        assert!(gone.upgrade().is_none() && kept.upgrade().is_some());
        // One that knows more serves whoever does not ask for it, not the other way round.
        let asks = |asked| sources.open(&choice, &context(5).with_instants(asked)).unwrap();
        let plain = asks(false);
        let timed = asks(true);
        assert!(!Arc::ptr_eq(&plain, &timed) && Arc::ptr_eq(&timed, &asks(false)));
    }

    #[test]
    fn a_log_without_draws_is_the_same_for_all_seeds() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("log.csv"), "label,item\n1,3\n0,4\n").unwrap();
        let text = "kind = \"table\"\nfiles = [\"log.csv\"]\ncategorical = [\"item\"]\n";
        let choice: SourceChoice = toml::from_str(text).unwrap();
        let sources = OpenLogs::default();
        let open = |seed| {
            let context = OpenContext::new(folder.path(), Streams::new(seed));
            sources.open(&choice, &context).unwrap()
        };
        assert!(Arc::ptr_eq(&open(1), &open(2)));
    }
}
