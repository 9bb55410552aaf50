//! Floor 3, how good a model is and how stale its gradients are: pure functions of scores, labels
//! and groups, and the two running summaries in which records are kept.
//!
//! One convention holds throughout: a figure that is not defined for its input (no examples, one
//! class only, a NaN score) is `None`. These functions never panic, hang or silently skip a NaN.

pub mod auc;
pub mod glossary;
pub mod histogram;
pub mod log_loss;
pub mod measure;
pub mod moments;
mod order;
pub mod scalar;
pub mod session_auc;
pub mod summary;
pub mod undefined;

pub use auc::{AucScratch, auc};
pub use histogram::Histogram;
pub use log_loss::{
    calibration, expected_calibration_error, log_loss, log_loss_with_error, normalised_entropy,
};
pub use moments::Moments;
pub use session_auc::{GroupWeight, GroupedAuc, session_auc};
pub use summary::Quality;
pub use undefined::{LabelCounts, Undefined};
