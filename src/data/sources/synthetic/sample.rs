//! The sessions that a log is calibrated on, spread evenly over it.
//!
//! They are generated once, before the calibration, which decides about clicks and not about shown
//! items. If the log keeps its sessions and is short, these sessions are the first ones kept.

use super::bayes::{Bayes, ExampleOutcome};
use super::calibrate::Impressions;
use super::draws::below;
use super::pages::SessionPage;
use super::session::Session;
use super::{Impression, Synthetic};
use crate::base::Purpose;

/// Approximate number of impressions, in whole sessions.
const SAMPLE: u64 = 49_152;
/// Smallest number of sessions.
const SAMPLE_SESSIONS: u64 = 256;
/// A log that is longer than this many samples does not keep the sessions of the sample: memory
/// would be allocated for every day, read or not, to save a small part of the work.
const MOST_SAMPLES: u64 = 8;

/// Sessions whose clicks are not drawn yet.
pub(super) struct Sample {
    /// Numbers of the sessions, and the user of each.
    sessions: Vec<(u64, u32)>,
    /// Data of each impression, session by session.
    pub(super) impressions: Impressions,
}

impl Synthetic {
    /// One random session from each of equal parts of the log, in the order of time.
    pub(super) fn sample_sessions(&self) -> Vec<u64> {
        let sessions = u64::from(self.config.days) * self.config.sessions_per_day();
        let per_session = u64::from(self.config.impressions_per_session);
        let parts = (SAMPLE / per_session).max(SAMPLE_SESSIONS).min(sessions);
        let one_of = |part: u64| {
            let (from, to) = (part * sessions / parts, (part + 1) * sessions / parts);
            let word = self.streams.key(Purpose::Session, u64::MAX, part);
            from + u64::from(below(word, (to - from) as u32))
        };
        (0..parts).map(one_of).collect()
    }

    /// Generates sessions without their clicks. The log must not have been read yet: kept sessions
    /// may be read only after they are settled.
    pub(super) fn sample(&self, sessions: &[u64]) -> Sample {
        let mut sample =
            Sample { sessions: Vec::with_capacity(sessions.len()), impressions: <_>::default() };
        let mut session = Session::default();
        for &number in sessions {
            let (day, of_day) = self.world.day_of(number);
            let page = self.page_of_sample(day, of_day);
            for position in 0..self.world.shown_in(of_day) {
                let (effects, shown) = self.show(number, position, &mut session);
                sample.impressions.effects.push(effects);
                sample.impressions.day_shifts.push(self.truth.day_shift(day));
                if let Some(page) = page {
                    page.keep_shown(position, shown.item, false);
                }
            }
            if let Some(page) = page {
                page.keep_events(&session.events);
            }
            sample.sessions.push((number, session.user));
        }
        sample
    }

    /// Draws the clicks on a sample, after the calibration; returns the scores of the truth on it.
    pub(super) fn settle(&self, sample: &Sample) -> Bayes {
        let mut outcomes = Vec::with_capacity(sample.impressions.effects.len());
        let mut effects = sample.impressions.effects.iter();
        for &(session, user) in &sample.sessions {
            let (day, of_day) = self.world.day_of(session);
            let page = self.page_of_sample(day, of_day);
            for (position, &effects) in (0..self.world.shown_in(of_day)).zip(&mut effects) {
                let probability = self.truth.probability(effects, day, self.calibration);
                let shown = Impression { session, position, item: 0, probability };
                let clicked = self.clicked(&shown);
                outcomes.push(ExampleOutcome { session, probability, clicked });
                if let (Some(page), true) = (page, clicked) {
                    page.click(position);
                }
            }
            if let Some(page) = page {
                page.open(user);
            }
        }
        Bayes::of(outcomes)
    }

    /// The memory of a session of the sample, if it is kept.
    fn page_of_sample(&self, day: u32, of_day: u64) -> Option<SessionPage<'_>> {
        let few = self.config.rows() <= MOST_SAMPLES * SAMPLE;
        self.pages.as_ref().filter(|_| few).map(|pages| pages.page(day, of_day))
    }
}
