//! Floor 10, reports on finished runs: plots and an HTML page made from a results folder, and small
//! pieces of text for the terminal. It reads folders only through `results` and never sees a
//! simulation.

pub mod conclusion;
pub mod error;
pub mod figure;
#[cfg(feature = "html")]
pub mod html;
pub mod overload;
#[cfg(feature = "plot")]
pub mod plot;
pub mod terminal;
pub mod words;

pub use error::ReportError;
#[cfg(feature = "plot")]
pub use plot::{DrawnPicture, PictureOutcome, draw_all};
