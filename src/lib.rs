//! **straggler** simulates asynchronous parameter-server training in virtual time, with true gradients.

pub mod base;
#[cfg(feature = "cli")]
pub mod cli;
pub mod cluster;
pub mod data;
pub mod experiment;
pub mod metrics;
pub mod model;
pub mod nn;
pub mod optimizer;
pub mod params;
pub mod protocol;
pub mod report;
pub mod scenario;
pub mod server;
pub mod sim;
