//! **straggler** simulates asynchronous parameter-server training in virtual time, with true gradients.

pub mod base;
pub mod data;
pub mod metrics;
pub mod model;
pub mod nn;
pub mod optimizer;
pub mod params;
pub mod report;
