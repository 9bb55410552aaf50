//! Tables of an export that are not files of the results.

use crate::results::state::State;

crate::table! {
    "One row per trial of the results: its figures. Behind `seed` comes a column per setting that \
    the sweep gives, of the narrowest kind that holds its values; behind `folder` comes one per \
    figure of the summaries. The columns up to the settings also begin the rows of every series."
    "export/trials" ExportedTrialRow {
        trial: usize = "Its place in the plan.",
        point: usize = "The number of its point.",
        label: String = "What distinguishes the point.",
        seed: u64 = "Its seed.",
        state: State = "`done`, `failed` or `to do`.",
        ended: Option<String> = "How it ended: `finished`, or what stopped it.",
        undefined: Option<String> = "Why figures of it are empty, if its summary says so.",
        broken: Option<String> = "What is wrong, if its training broke: its figures mean little.",
        folder: String = "Its run folder, in the folder of the results.",
    }
}

crate::table! {
    "One row per point and key of its scenario, defaults included, but for the seed."
    "export/settings" ExportedSettingRow {
        point: usize = "The number of the point.",
        label: String = "What distinguishes it.",
        key: String = "The dotted key.",
        value: String = "Its value.",
        number: Option<f64> = "The same, where it is a number.",
    }
}
