//! The program as its users meet it: what they get, and everything that they can do wrong.

mod churn;
mod compare;
mod containment;
mod determinism;
mod disk;
mod exports;
mod folders;
mod fuzz;
mod golden;
mod limits;
mod look_up;
mod many_trials;
mod overrides;
mod progress;
mod races;
mod report;
mod report_escaping;
mod restarts;
mod running;
mod snapshots;
mod spread;
mod support;
mod sweeps;
mod timeline;
mod verify;
mod wrong_input;
