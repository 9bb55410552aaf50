//! The CSV files of results folders, each declared once.

mod by_row;
mod cuckoo;
mod exported;
mod lab;
mod layers;
mod living;
mod online;
mod series;
mod served;
mod sweep;
mod totals;

use super::table::{CsvTable, TableRow};

pub use crate::sim::by_row::RowSplit;
pub use crate::sim::serving::{ItemSplit, ServedCopy};
pub use crate::sim::{Activity, EvaluatedView};
pub use by_row::ByRowRow;
pub use cuckoo::CuckooRow;
pub use exported::{ExportedSettingRow, ExportedTrialRow};
pub use lab::{ArmRow, CurveRow, EffectRow, LabViewRow};
pub use layers::LayerRow;
pub use living::TableRowsRow;
pub use online::StreamRow;
pub use series::{DivergenceRow, EvaluationRow, ServiceRow, TimelineRow, TrainingRow};
pub use served::{ServedRow, ServedSliceRow};
pub use sweep::{FrontRow, PointRow, RaceRow, TrialRow};
pub use totals::{
    AuditRow, CheckpointRow, ChurnRow, PopularityRow, ShardFailureRow, ShardRow, StalenessRow,
    WorkerRow,
};

/// The class of all machines if the scenario names none.
pub const ONLY_CLASS: &str = "ordinary";

/// The files of a run that become tables of an export; the other two are for timelines.
pub const EXPORTED: [CsvTable; 17] = [
    EvaluationRow::TABLE,
    ByRowRow::TABLE,
    TrainingRow::TABLE,
    StalenessRow::TABLE,
    WorkerRow::TABLE,
    DivergenceRow::TABLE,
    LayerRow::TABLE,
    TableRowsRow::TABLE,
    CuckooRow::TABLE,
    ShardRow::TABLE,
    PopularityRow::TABLE,
    ChurnRow::TABLE,
    ShardFailureRow::TABLE,
    AuditRow::TABLE,
    StreamRow::TABLE,
    ServedRow::TABLE,
    ServedSliceRow::TABLE,
];

/// The other files of a run.
pub const OF_A_RUN_TOO: [CsvTable; 3] =
    [CheckpointRow::TABLE, TimelineRow::TABLE, ServiceRow::TABLE];

/// Every file that is declared.
pub fn all() -> impl Iterator<Item = CsvTable> {
    let runs = EXPORTED.into_iter().chain(OF_A_RUN_TOO);
    runs.chain(OF_A_SWEEP).chain(OF_AN_EXPORT).chain(OF_A_LAB)
}

/// The files of a sweep and of the comparison of its points.
pub const OF_A_SWEEP: [CsvTable; 4] =
    [TrialRow::TABLE, PointRow::TABLE, RaceRow::TABLE, FrontRow::TABLE];

/// The tables of an export that are not files of the results.
pub const OF_AN_EXPORT: [CsvTable; 2] = [ExportedTrialRow::TABLE, ExportedSettingRow::TABLE];

/// The files of a restart lab.
pub const OF_A_LAB: [CsvTable; 4] =
    [CurveRow::TABLE, ArmRow::TABLE, EffectRow::TABLE, LabViewRow::TABLE];
