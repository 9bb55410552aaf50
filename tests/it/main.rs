//! Tests of the simulator as a whole, through the library.

mod blow_up;
mod cluster;
mod fit;
mod identity;
mod learning;
mod physics;
mod protocols;
mod quadratic;
mod registry;
mod routines;
mod timing;
mod toy;
mod training;
