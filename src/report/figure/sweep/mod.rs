//! Figures of a sweep: the effects of its settings, their costs, and quality during training.

pub mod curves;
pub mod gather;
pub mod measures;
pub mod pareto;
pub mod response;
pub mod served;
pub mod target;
