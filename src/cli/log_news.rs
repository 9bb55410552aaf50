//! What happens while a log is opened: progress with the time left, and what is to be known of the
//! cache.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::args::ProgressBy;
use super::say::{is_told_on_terminal, tell};
use crate::base::{ByteSize, SimSpan};
use crate::data::ReadSoFar;
use crate::data::cache::{LogCache, LogNews, SMALLEST, usual_folder};

/// The cache of this program; what happens is told as progress is shown.
pub(super) fn cache(progress: ProgressBy) -> LogCache {
    let shown = matches!(progress, ProgressBy::Auto | ProgressBy::Plain);
    let teller = Mutex::new(Teller {
        bar: progress == ProgressBy::Auto && is_told_on_terminal(),
        ..Teller::default()
    });
    let tell = Arc::new(move |news| {
        let mut teller = teller.lock().unwrap_or_else(PoisonError::into_inner);
        match news {
            LogNews::Read(so_far) if shown => teller.read(so_far),
            news => teller.tell(&news),
        }
    });
    LogCache { folder: usual_folder(), smallest: SMALLEST, tell }
}

/// Tells of one log after the other.
#[derive(Default)]
struct Teller {
    /// Whether a bar is drawn; else there are lines.
    bar: bool,
    under_way: Option<UnderWay>,
}

/// A log that is being read.
struct UnderWay {
    started: Instant,
    next: Duration,
    bar: Option<ProgressBar>,
}

impl Teller {
    fn tell(&mut self, news: &LogNews) {
        match news {
            LogNews::Ended => {
                let bar = self.under_way.take().and_then(|under_way| under_way.bar);
                bar.iter().for_each(ProgressBar::finish_and_clear);
            }
            LogNews::Waits => {
                tell("another process reads the same log; waiting until it is done\n")
            }
            LogNews::Damaged(what) => {
                tell(&format!("note: a log in the cache is damaged, and made anew: {what}\n"));
            }
            LogNews::NotKept(why) => tell(&format!(
                "note: the log cannot be kept for the next start ({why}); this run goes on without\n"
            )),
            _ => {}
        }
    }

    fn read(&mut self, so_far: ReadSoFar) {
        let first = Duration::from_secs(if self.bar { 1 } else { 10 });
        #[expect(clippy::disallowed_methods, reason = "progress is shown by the wall clock")]
        let begin = || UnderWay { started: Instant::now(), next: first, bar: None };
        let under_way = self.under_way.get_or_insert_with(begin);
        let elapsed = under_way.started.elapsed();
        if elapsed < under_way.next {
            return;
        }
        let share = (so_far.bytes as f64 / so_far.of.max(1) as f64).min(1.0);
        let left = elapsed.as_secs_f64() * (1.0 - share) / share.max(1e-9);
        let text = format!(
            "reading the log: {:.0} %, {} of {}, {} left",
            share * 100.0,
            ByteSize(so_far.bytes.min(so_far.of)),
            ByteSize(so_far.of),
            SimSpan::from_seconds(left.min(1e7).round())
        );
        if self.bar {
            under_way.next = elapsed + Duration::from_millis(200);
            let bar = under_way.bar.get_or_insert_with(|| {
                let bar = ProgressBar::with_draw_target(Some(1000), ProgressDrawTarget::stderr());
                let style = ProgressStyle::with_template("[{bar:30}] {msg}");
                style.into_iter().for_each(|style| bar.set_style(style.progress_chars("#>-")));
                bar
            });
            bar.set_position((share * 1000.0) as u64);
            bar.set_message(text);
        } else {
            under_way.next = elapsed + elapsed.min(Duration::from_secs(60));
            tell(&format!("{text}\n"));
        }
    }
}
