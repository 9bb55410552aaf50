//! A log from the cache is the log of its files, whatever becomes of files and folder.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use super::manifest::Manifest;
use super::{Clearing, LogCache, LogNews, LogRequest, clear, list, open_in};
use crate::base::Streams;
use crate::data::reading::file::on_disk;
use crate::data::{Batch, DataError, DataSource, OpenContext, SourceChoice};

/// A folder with a log, and a cache.
struct Bench {
    folder: tempfile::TempDir,
    settings: String,
    instants: bool,
    loads: AtomicUsize,
    news: Arc<Mutex<Vec<LogNews>>>,
}

const TABLE: &str = "kind = \"table\"\nfiles = [\"log.csv\"]\ntime = \"t\"\ntime_format = \"unix_seconds\"\n\
    categorical = [\"item\", \"brand\"]\nnumeric = [\"price\"]\nextra = [\"late\", \"price\"]\nmissing = \"flag\"\ngroup = \"user\"\n\
    [history]\ncolumn = \"past\"\nfield = \"item\"\n";

/// Rows not in the order of time, with missing numbers, long ids and histories.
fn rows(count: usize, salt: usize) -> String {
    let mut text = "label,t,item,brand,price,user,past,late\n".to_string();
    for row in 0..count {
        let (item, time) = (row * 7919 % 997 + salt, (row * 31 % count) * 977);
        let price = if row % 5 == 0 { String::new() } else { (row % 13).to_string() };
        let past = if row % 3 == 0 { String::new() } else { format!("i{}|i{item}", row % 11) };
        let long = if row % 50 == 0 { "a brand with a long name" } else { "b" };
        text.push_str(&format!(
            "{},{time},i{item},{long}{},{price},u{},{past},{}\n",
            row % 2,
            row % 17,
            row % 101,
            row as f64 / 7.0
        ));
    }
    text
}

impl Bench {
    fn new(settings: &str, text: &str) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("log.csv"), text).unwrap();
        let (loads, news) = (AtomicUsize::new(0), Arc::default());
        Bench { folder, settings: settings.to_string(), instants: true, loads, news }
    }

    fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log.csv")
    }

    fn open_with(&self, folder: Option<PathBuf>) -> Result<Arc<dyn DataSource>, DataError> {
        let choice: SourceChoice = toml::from_str(&self.settings).unwrap();
        let context = OpenContext::new(self.folder.path(), Streams::new(1));
        let context = context.with_instants(self.instants);
        let news = Arc::clone(&self.news);
        let tell = Arc::new(move |what| news.lock().unwrap().push(what));
        let cache = LogCache { folder, smallest: 0, tell };
        let request = LogRequest {
            source: choice.name().to_string(),
            settings: self.settings.clone(),
            instants: self.instants,
            seed: choice.draws().then_some(1),
            files: choice.files().iter().map(|file| on_disk(context.base_dir, file)).collect(),
        };
        open_in(&cache, &request, |loading| {
            self.loads.fetch_add(1, Ordering::SeqCst);
            choice.open(&OpenContext { loading: Some(loading), ..context })
        })
    }

    fn open(&self) -> Arc<dyn DataSource> {
        self.open_with(Some(self.cache())).unwrap()
    }

    /// The only entry, once its columns are on the disk.
    fn settled(&self) -> PathBuf {
        let entry = self.entry();
        for _ in 0..6000 {
            if Manifest::read(&entry).is_ok_and(|manifest| manifest.synced) {
                return entry;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("its columns never came to the disk")
    }

    /// The only entry.
    fn entry(&self) -> PathBuf {
        let [log] = &list(&self.cache()).unwrap()[..] else { panic!("one entry") };
        log.path.clone()
    }

    fn loads(&self) -> usize {
        self.loads.load(Ordering::SeqCst)
    }

    fn has_told(&self, what: fn(&LogNews) -> bool) -> bool {
        self.news.lock().unwrap().iter().any(what)
    }
}

/// All that a run can see of a log.
fn seen(log: &dyn DataSource) -> String {
    let last = log.days().last().map_or(0, |day| day.ids().end).max(log.held_out().end);
    let mut batch = Batch::default();
    log.read(&(0..last).rev().collect::<Vec<u64>>(), &mut batch);
    let ids: Vec<_> = (0..log.schema().spaces.len())
        .map(|space| {
            log.ids(space)
                .map(|ids| (ids.keys().to_vec(), ids.texts().0.to_vec(), ids.texts().1.to_vec()))
        })
        .collect();
    let columns = 0..log.extra().len();
    let extra: Vec<f64> =
        columns.flat_map(|column| (0..last).map(move |id| log.extra_number(column, id))).collect();
    let known =
        (log.schema(), log.days(), log.calendar(), log.held_out(), log.facts(), log.remarks());
    format!("{batch:?} {ids:?} {known:?} {:?} {extra:?}", (log.instants(), log.extra()))
}

/// Takes the file's rights away and gives them back, to change it.
fn damage(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_kept_log_is_the_one_of_its_files() {
    let small = rows(2000, 0);
    let hashed = TABLE.replace("[history]", "hash_rows = 64\nstandardise = true\n[history]");
    let rare = TABLE.replace("[history]", "min_count = 3\n[history]");
    let plain =
        "kind = \"table\"\nfiles = [\"log.csv\"]\ncategorical = [\"item\"]\nnumeric = [\"t\"]\n";
    let events = "kind = \"interactions\"\nfiles = [\"log.csv\"]\nuser = \"user\"\nitem = \"item\"\ntime = \"t\"\ntime_format = \"unix_seconds\"\n";
    // The last is written while it is read; the others are in memory until then.
    let large = rows(300_000, 0);
    for (settings, text) in [
        (TABLE, &small),
        (&hashed, &small),
        (&rare, &small),
        (plain, &small),
        (events, &small),
        (TABLE, &large),
    ] {
        let bench = Bench::new(settings, text);
        let without = seen(bench.open_with(None).unwrap().as_ref());
        let (first, second) = (bench.open(), bench.open());
        assert_eq!(bench.loads(), 2, "without a cache, and once with it");
        assert!(seen(first.as_ref()) == without && seen(second.as_ref()) == without, "{settings}");
        let mut kept = list(&bench.cache()).unwrap();
        assert_eq!((kept.len(), &kept[0].problem), (1, &None));
        kept[0].verify();
        assert_eq!(kept[0].problem, None);
        assert!(second.bytes() < without.len() as u64 && second.log().is_some());
    }
}

#[test]
fn logs_with_and_without_instants_are_kept_apart() {
    let mut bench = Bench::new(TABLE, &rows(500, 0));
    for (instants, loads) in [(true, 1), (false, 2), (true, 2), (false, 2)] {
        bench.instants = instants;
        let log = bench.open();
        assert_eq!((log.instants().is_some(), bench.loads()), (instants, loads));
    }
    bench.instants = true;
    let log = bench.open();
    let stamps = log.instants().unwrap();
    assert!(stamps.stamps.is_sorted() && stamps.stamps[0] >= stamps.day_one);
    let last = log.days().last().unwrap();
    let day = (stamps.stamps[last.first as usize] - stamps.day_one) / 86_400_000;
    assert_eq!(day + 1, i64::from(last.number));
}

#[test]
fn a_changed_file_is_read_again_and_a_touched_one_is_not() {
    let bench = Bench::new(TABLE, &rows(500, 0));
    let first = seen(bench.open().as_ref());
    fs::write(bench.log_file(), rows(500, 0)).unwrap();
    assert_eq!((seen(bench.open().as_ref()) == first, bench.loads()), (true, 1));
    // As long as before, and other ids.
    fs::write(bench.log_file(), rows(500, 0).replace("i1", "j1")).unwrap();
    assert_eq!((seen(bench.open().as_ref()) == first, bench.loads()), (false, 2));
    assert_eq!(list(&bench.cache()).unwrap().len(), 1, "it takes the place of the old one");
    // A row may be wrong now.
    fs::write(bench.log_file(), "label\n2\n").unwrap();
    assert!(bench.open_with(Some(bench.cache())).is_err());
    assert!(
        fs::read_dir(bench.cache())
            .unwrap()
            .flatten()
            .all(|entry| { !entry.file_name().to_string_lossy().contains(".making-") })
    );
}

#[test]
fn what_is_damaged_is_noticed_and_made_anew() {
    let bench = Bench::new(TABLE, &rows(500, 0));
    let first = seen(bench.open().as_ref());
    let names = ["fields.npy", "labels.npy", "id_texts.npy", "log.json"];
    let flipped = |bytes: &mut Vec<u8>| {
        let at = bytes.len() - 3;
        bytes[at] ^= 1;
    };
    let cut = |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() / 2);
    let mut loads = 1;
    for name in names {
        for change in [flipped as fn(&mut Vec<u8>), cut, Vec::clear] {
            damage(&bench.settled().join(name), change);
            assert!(seen(bench.open().as_ref()) == first);
            loads += 1;
            assert_eq!(bench.loads(), loads, "{name}");
        }
        fs::remove_file(bench.settled().join(name)).unwrap();
        let again = bench.open();
        assert!(seen(again.as_ref()) == first);
        loads += 1;
    }
    assert!(bench.has_told(|news| matches!(news, LogNews::Damaged(_))));
    // A sound copy, as from a backup, has other times: it is checked, and used.
    damage(&bench.settled().join("fields.npy"), |_| ());
    assert!(seen(bench.open().as_ref()) == first);
    assert_eq!(bench.loads(), loads);
}

#[test]
fn an_entry_of_another_version_is_not_used() {
    let bench = Bench::new(TABLE, &rows(500, 0));
    bench.open();
    let path = bench.settled().join("log.json");
    let text = fs::read_to_string(&path).unwrap();
    let (_, json) = text.split_once('\n').unwrap();
    let json = json.replacen("\"format\":", "\"format\":9", 1);
    fs::write(&path, format!("{:08x}\n{json}", crc32fast::hash(json.as_bytes()))).unwrap();
    let [log] = &list(&bench.cache()).unwrap()[..] else { panic!() };
    assert_eq!(log.problem.as_deref(), Some("of another version of the program"));
    bench.open();
    assert_eq!(bench.loads(), 2);
    assert!(!bench.has_told(|news| matches!(news, LogNews::Damaged(_))));
}

#[test]
fn several_at_once_load_once_and_get_the_same() {
    let bench = Bench::new(TABLE, &rows(3000, 0));
    let without = seen(bench.open_with(None).unwrap().as_ref());
    let barrier = Barrier::new(4);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                barrier.wait();
                assert!(seen(bench.open().as_ref()) == without);
            });
        }
    });
    assert_eq!(bench.loads(), 2);
}

#[test]
fn a_folder_that_cannot_be_written_changes_nothing() {
    let bench = Bench::new(TABLE, &rows(500, 0));
    let without = seen(bench.open_with(None).unwrap().as_ref());
    let as_file = bench.folder.path().join("a file");
    fs::write(&as_file, "").unwrap();
    for cache in [as_file.clone(), as_file.join("below"), PathBuf::from("/proc/straggler")] {
        assert!(seen(bench.open_with(Some(cache)).unwrap().as_ref()) == without);
    }
    assert!(bench.has_told(|news| matches!(news, LogNews::NotKept(_))));
    // The rights of a folder mean nothing to root.
    fs::create_dir(bench.cache()).unwrap();
    fs::set_permissions(bench.cache(), fs::Permissions::from_mode(0o500)).unwrap();
    assert!(seen(bench.open().as_ref()) == without);
    fs::set_permissions(bench.cache(), fs::Permissions::from_mode(0o700)).unwrap();
    // An entry in a folder that became read-only is used.
    bench.open();
    let loads = bench.loads();
    fs::set_permissions(bench.settled(), fs::Permissions::from_mode(0o500)).unwrap();
    fs::set_permissions(bench.cache(), fs::Permissions::from_mode(0o500)).unwrap();
    assert!(seen(bench.open().as_ref()) == without);
    assert_eq!(bench.loads(), loads);
    fs::set_permissions(bench.cache(), fs::Permissions::from_mode(0o700)).unwrap();
    fs::set_permissions(bench.entry(), fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn logs_are_listed_and_cleared_and_nothing_else() {
    let bench = Bench::new(TABLE, &rows(500, 0));
    let log = bench.open();
    let before = seen(log.as_ref());
    let unfinished = bench.cache().join("table-0.making-1");
    fs::create_dir(&unfinished).unwrap();
    fs::create_dir(bench.cache().join("not ours")).unwrap();
    let logs = list(&bench.cache()).unwrap();
    assert_eq!(logs.len(), 2, "{logs:?}");
    let kept = logs.iter().find(|log| log.problem.is_none()).unwrap();
    assert_eq!((kept.examples, kept.files.len(), &*kept.source), (500, 1, "table"));
    let of = |unused_for, with: &str| Clearing { unused_for, with: Some(with.to_string()) };
    assert_eq!(clear(&bench.cache(), &of(86_400, "log.csv")).unwrap(), []);
    assert_eq!(clear(&bench.cache(), &of(0, "other.csv")).unwrap(), []);
    assert_eq!(clear(&bench.cache(), &of(0, "log.csv")).unwrap().len(), 1);
    assert!(seen(log.as_ref()) == before, "who uses it goes on");
    assert_eq!(clear(&bench.cache(), &Clearing::default()).unwrap().len(), 1);
    assert!(!unfinished.exists() && bench.cache().join("not ours").exists());
    assert_eq!(list(&bench.folder.path().join("nowhere")).unwrap(), []);
}

#[test]
fn what_a_killed_process_left_is_removed() {
    let bench = Bench::new(TABLE, &rows(500, 0));
    bench.open();
    let entry = bench.settled();
    let left = PathBuf::from(format!("{}.making-1", entry.display()));
    fs::rename(&entry, &left).unwrap();
    bench.open();
    assert_eq!((bench.loads(), left.exists(), bench.entry() == entry), (2, false, true));
}
