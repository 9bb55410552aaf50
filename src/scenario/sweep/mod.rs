//! Sweeps: one scenario at many points, each with several seeds.
//!
//! A sweep file (or arguments such as `cluster.workers=1,10,30`) becomes a [`Design`]: axes of a
//! grid, bundles of axes that advance together, single points, and points to leave out. The design
//! expands to [`DesignPoint`]s; each is a list of settings that are laid over the scenario like
//! overrides, and checked like them before anything runs.

pub mod arguments;
pub mod contestants;
pub mod design;
pub mod errors;
pub mod file;
pub mod points;
pub mod seeds;
pub mod values;

pub use design::{Bundle, Design, Extra};
pub use file::{SweepFile, is_sweep, read};
pub use points::{DesignAxis, DesignPoint, Literal, Resolved, Setting, resolve};
pub use seeds::Seeds;
