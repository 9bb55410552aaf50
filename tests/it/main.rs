//! Tests of the simulator as a whole, through the library.

mod cluster;
mod timing;
