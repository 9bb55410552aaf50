//! Tests of the simulator as a whole, through the library.

mod blow_up;
mod cluster;
mod fit;
mod identity;
mod learning;
mod normalization;
mod optimizers;
mod physics;
mod protocols;
mod quadratic;
mod registry;
mod remedies;
mod routines;
mod timing;
mod toy;
mod training;
