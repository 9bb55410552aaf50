//! Tables of an export that are not files of the results.

use crate::results::outcome::State;

crate::table! {
    /// One row per trial of the results: its figures. Behind `seed` comes a column per setting that
    /// the sweep gives, of the narrowest kind that holds its values; behind `folder` comes one per
    /// figure of the summaries. The columns up to the settings stand in front of the rows of every
    /// series too.
    "export/trials" ExportedTrialRow {
        /// Its place in the plan.
        trial: usize,
        /// The number of its point.
        point: usize,
        /// What distinguishes the point.
        label: String,
        /// Its seed.
        seed: u64,
        /// `done`, `failed` or `to do`.
        state: State,
        /// How it ended: `finished`, or what stopped it.
        ended: Option<String>,
        /// Its run folder, in the folder of the results.
        folder: String,
    }
}

crate::table! {
    /// One row per point and key of its scenario, defaults included, but for the seed.
    "export/settings" ExportedSettingRow {
        /// The number of the point.
        point: usize,
        /// What distinguishes it.
        label: String,
        /// The dotted key.
        key: String,
        /// Its value.
        value: String,
        /// The same, where it is a number.
        number: Option<f64>,
    }
}
