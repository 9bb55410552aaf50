//! Floor 10, what a finished run looks like: the plots drawn from a results folder, its page, and
//! small pieces of text for the terminal. Reads folders by `results` only; never sees a simulation.

pub mod error;
pub mod figure;
#[cfg(feature = "html")]
pub mod html;
#[cfg(feature = "plot")]
pub mod plot;
pub mod terminal;

pub use error::ReportError;
#[cfg(feature = "plot")]
pub use plot::{Drawn, Outcome, draw_all};
