//! The figures of a run, a sweep or a lab. Each figure is computed once from the rows of a results
//! folder, with scales, labels, a sentence and a table. The page and the static pictures draw it. A
//! new figure of a run is a file here and a line in [`OF_A_RUN`].

pub mod absent;
pub mod axis;
pub mod by_row;
pub mod chart;
mod class_plot;
pub mod classes;
pub mod clip;
pub mod divergence;
pub mod grid;
pub mod interval;
pub mod layers;
pub mod number;
pub mod palette;
pub mod quality;
pub mod restart;
pub mod rows;
pub mod served;
pub mod served_slices;
pub mod shard_failures;
pub mod shard_state;
pub mod shards;
pub mod spectrum;
pub mod staleness;
pub mod stream;
pub mod sweep;
pub mod tables;
pub mod thin;
pub mod time_spent;
pub mod timeline;
pub mod training;
pub mod worker_state;
pub mod workers;

pub use absent::NoFigure;
pub use chart::Figure;

use crate::results::RunResults;
use crate::results::tables::RowSplit;

/// A figure of a run, and where it is shown.
#[derive(Clone, Copy, Debug)]
pub struct Topic {
    /// The section of the page that shows it, if one does.
    pub section: Option<&'static str>,
    /// The name of the picture's files without their ending, if there is a picture.
    pub picture: Option<&'static str>,
    /// Whether a run has recorded its data. If not, the figure is left out without a message.
    pub recorded: fn(&RunResults) -> bool,
    /// Builds the figure, or says why it cannot be built.
    pub build: fn(&RunResults) -> Result<Figure, NoFigure>,
}

/// Every figure of a run, in the order in which a page shows them.
pub const OF_A_RUN: [Topic; 21] = [
    trained("quality", "quality-by-examples", quality::by_examples),
    trained("quality", "quality-by-time", quality::by_time),
    Topic { picture: None, ..both("training", "", training::figure) },
    both("staleness", "staleness", staleness::figure),
    Topic { picture: None, ..trained("staleness", "", rows::figure) },
    trained("divergence", "divergence", divergence::figure),
    // Layers are recorded only on request, so a run without them needs no message.
    Topic { picture: None, recorded: layers_are_watched, ..both("layers", "", layers::figure) },
    Topic {
        recorded: |run| by_row::is_measured(run, RowSplit::Frequency),
        ..both("rows", "by-row-frequency", by_row::frequency)
    },
    Topic {
        recorded: |run| by_row::is_measured(run, RowSplit::Age),
        ..both("rows", "by-row-age", by_row::age)
    },
    Topic {
        recorded: |run| by_row::is_measured(run, RowSplit::Returned),
        ..both("rows", "by-row-returned", by_row::returned)
    },
    Topic { recorded: tables::are_living, ..both("rows", "rows", tables::figure) },
    Topic { recorded: stream::is_live, ..both("stream", "stream", stream::figure) },
    Topic { recorded: served::is_served, ..both("served", "served", served::figure) },
    Topic {
        recorded: served_slices::are_known,
        ..both("served", "served-by-frequency", served_slices::by_frequency)
    },
    Topic {
        recorded: served_slices::are_known,
        ..both("served", "served-by-age", served_slices::by_age)
    },
    both("workers", "timeline", timeline::figure),
    both("workers", "utilisation", time_spent::figure),
    Topic { recorded: shards_are_known, ..both("shards", "shards", shards::figure) },
    Topic {
        recorded: shard_failures::are_possible,
        ..both("shards", "shard-failures", shard_failures::lanes)
    },
    Topic {
        recorded: shard_failures::some_failed,
        ..both("shards", "shard-losses", shard_failures::losses)
    },
    Topic { section: None, recorded: layers_are_watched, ..both("", "layers", layers::quantiles) },
];

const fn both(
    section: &'static str,
    picture: &'static str,
    build: fn(&RunResults) -> Result<Figure, NoFigure>,
) -> Topic {
    Topic { section: Some(section), picture: Some(picture), recorded: |_| true, build }
}

/// A figure about parameters, which a run for timing alone does not have.
const fn trained(
    section: &'static str,
    picture: &'static str,
    build: fn(&RunResults) -> Result<Figure, NoFigure>,
) -> Topic {
    Topic { recorded: RunResults::trains, ..both(section, picture, build) }
}

/// A run that is not finished has no shards.csv yet.
fn shards_are_known(run: &RunResults) -> bool {
    run.shards.is_present()
}

fn layers_are_watched(run: &RunResults) -> bool {
    run.layers.is_present()
}
