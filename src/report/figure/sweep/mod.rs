//! Figures of a sweep: what its settings do, what that costs, and quality as training goes on.

pub mod curves;
pub mod gather;
pub mod measures;
pub mod pareto;
pub mod response;
pub mod target;
