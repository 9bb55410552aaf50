//! **straggler** simulates asynchronous parameter-server training in virtual time, with true
//! gradients: many workers pull parameters, compute a gradient on them, and push it to a server
//! that has applied other updates meanwhile. Which workers are late, and by how much, follows from
//! a simulated cluster. The effect on learning follows from a real click-through-rate model that
//! is really trained.
//!
//! # A first run
//!
//! A [`scenario::Scenario`] describes a run completely. It becomes a [`scenario::Job`], and an
//! observer of the job receives a record of everything that happens:
//!
//! ```
//! use std::path::Path;
//! use straggler::metrics::Moments;
//! use straggler::scenario::Scenario;
//! use straggler::sim::Record;
//!
//! let scenario = Scenario::from_text(
//!     r#"
//!     data    = { kind = "synthetic", users = 500, items = 500, days = 2, rows_per_day = 2000 }
//!     model   = { kind = "logistic" }
//!     cluster = { workers = 5 }
//!     train   = { batch = 16 }
//!     "#,
//! )?;
//! let mut staleness = Moments::default();
//! scenario.job(Path::new("."), 1)?.run(&mut |record: &Record<'_>| {
//!     if let Record::Finished(push) = record {
//!         staleness.add(push.staleness);
//!     }
//! })?;
//! // Five workers, one shard, no network: a gradient is four updates old on average.
//! assert!((staleness.mean().unwrap() - 4.0).abs() < 0.1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The tour, floor by floor
//!
//! A module imports only from floors below its own; a test checks this.
//!
//! - [`base`]: virtual time in whole nanoseconds, random draws as pure functions of their name,
//!   quantities with units, the thread pool.
//! - [`data`]: a log as a function from example ids to examples: generated ([`data::synthetic`]) or
//!   loaded. [`nn`]: layers as forward and backward pairs.
//! - [`params`]: the layout of a model's parameters, what a worker pulled, the gradient it pushes.
//! - [`model`], [`optimizer`], [`cluster`], [`protocol`], [`metrics`]: the interchangeable parts,
//!   one file each; none imports another's folder.
//! - [`server`]: weights and optimizer slots, spread over shards. [`online`]: a live stream of
//!   requests, and the joiner that makes examples of it.
//! - [`remedy`]: corrections against staleness when a push arrives.
//! - [`sim`]: the event queue and the engine, which alone knows more than one part.
//! - [`scenario`]: the scenario of a user: read, checked, explained, built.
//! - [`results`]: a results folder as typed tables and a typed summary, written and read by the same
//!   types; statistics, comparisons and exports of them.
//! - [`experiment`]: from a scenario to a results folder. [`report`]: from there to plots.
//! - `cli`: the program `straggler` (cargo feature `cli`, on by default).
//!
//! # Parts of your own
//!
//! Implement [`protocol::Protocol`] (which workers may pull, which pushes become an update),
//! [`cluster::StepTimeLaw`] (how long a step takes), [`model::Model`], [`optimizer::Optimizer`],
//! [`data::DataSource`] or [`sim::Observer`]. To name a part in scenario files, give it a struct of
//! settings that implements the trait of its family, such as [`protocol::ProtocolConfig`], and
//! register it, as in
//! [`ProtocolChoice::register`](protocol::ProtocolChoice::register): then everything here knows it,
//! and with `cli::main_with` it is part of a program like `straggler`. Or take the [`sim::Parts`] of
//! a scenario with [`Scenario::parts`](scenario::Scenario::parts), replace some, and give them to
//! [`sim::Simulation::new`]. The programs in `examples/` show both.
//!
//! Weights, views and gradients are arenas of numbers, and [`params::Layout`] names what lies in
//! them. [`params::Block::matrix`] and [`params::Layout::row_matrix`] show a named parameter in any
//! arena as a matrix of [`ndarray`]; [`server::ParameterServer::weights`] shows it as the server has
//! it.
//!
//! # Guarantees
//!
//! The same scenario and seed give the same bytes, for any number of host threads. Invariants such
//! as the conservation of staleness are checked at the end of every run, in release builds too
//! ([`sim::Simulation::check`]).

#![warn(clippy::print_stdout, clippy::print_stderr)]

/// The version of `ndarray` whose views this crate hands out.
pub use ndarray;

pub mod base;
#[cfg(feature = "cli")]
pub mod cli;
pub mod cluster;
pub mod data;
pub mod experiment;
pub mod metrics;
pub mod model;
pub mod nn;
pub mod online;
pub mod optimizer;
pub mod params;
pub mod protocol;
pub mod remedy;
pub mod report;
pub mod results;
pub mod scenario;
pub mod server;
pub mod sim;
