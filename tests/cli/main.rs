//! The program as its users meet it: what they get, and everything that they can do wrong.

mod churn;
mod compare;
mod determinism;
mod disk;
mod exports;
mod folders;
mod fuzz;
mod look_up;
mod overrides;
mod progress;
mod report;
mod report_escaping;
mod restarts;
mod running;
mod snapshots;
mod support;
mod sweeps;
mod timeline;
mod wrong_input;
