//! Tests of the simulator as a whole, through the library.

mod absence;
mod blow_up;
mod checkpoints;
mod churn_rules;
mod cluster;
mod failures;
mod fit;
mod identity;
mod layers;
mod learning;
mod membership;
mod normalization;
mod optimizers;
mod physics;
mod placement;
mod prefetch;
mod protocols;
mod quadratic;
mod registry;
mod remedies;
mod restarts;
mod routines;
mod seeds;
mod timing;
mod toy;
mod training;
