//! Floor 9, what a finished run looks like: typed access to a results folder, the plots drawn from
//! it, exports for other programs, and small pieces of text for the terminal. Reads files only;
//! never sees a simulation.

pub mod error;
pub mod export;
pub mod folder;
#[cfg(feature = "html")]
pub mod html;
#[cfg(feature = "plot")]
pub mod plot;
pub mod table;
pub mod terminal;

pub use error::ReportError;
pub use folder::Folder;
#[cfg(feature = "plot")]
pub use plot::{Drawn, Outcome, draw_all};
