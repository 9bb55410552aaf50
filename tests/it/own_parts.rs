//! Parts that a program adds to the families while it starts.

use std::path::Path;

use straggler::base::registry::RegisterError;
use straggler::cluster::routine::Local;
use straggler::cluster::{
    DelayChoice, StartChoice, StepTimeChoice, delay, routine, start, step_time,
};
use straggler::data::coding::modulo;
use straggler::data::order::{OrderChoice, shuffle_buffer};
use straggler::data::{Hashing, SourceChoice, synthetic};
use straggler::model::{ModelChoice, Normalization, mlp, normalization};
use straggler::optimizer::{OptimizerChoice, ScheduleChoice, adagrad, schedule};
use straggler::protocol::{ProtocolChoice, softsync, synchronous};
use straggler::remedy::{RemedyChoice, power};
use straggler::scenario::Scenario;
use straggler::server::EvictionRule;
use straggler::server::eviction::age;

/// A job in which every part is chosen by the first name, or by the second.
fn job(own: bool) -> String {
    let text = r#"
train = { batch = 8, days = "1", stop.updates = 60, order = { kind = "shuffle_buffer", size = 50 } }
holdout = { days = "2" }
data = { kind = "synthetic", days = 2, rows_per_day = 400, users = 50, items = 60 }
tables.hashing = { kind = "modulo", rows = 40 }
model = { kind = "mlp", embedding_dim = 4, hidden = [6], normalization.kind = "shared_batch" }
optimizer = { kind = "adagrad", learning_rate = 0.02 }
schedule.decay = { kind = "inverse_sqrt", after.updates = 20 }
protocol = { kind = "softsync", n = 2 }
cluster = { workers = 4, start = { kind = "staggered", over = "40ms" }, compute.law = { kind = "gamma", variation = 0.5 } }
worker.local.kind = "gradient"
eviction = { rule = { kind = "age", after.updates = 9 }, every.updates = 5 }
[[remedy]]
kind = "power"
exponent = 0.7
"#;
    if own { text.replace("kind = \"", "kind = \"own_") } else { text.to_string() }
}

/// The weights at the end, and the scenario as it is written down.
fn trained(text: &str) -> (Vec<u32>, String) {
    let here = Path::new(".");
    let scenario = Scenario::from_text(text).unwrap_or_else(|problems| panic!("{problems}"));
    let mut job = scenario.job(here, 1).unwrap();
    job.run(&mut straggler::sim::NoObserver).unwrap();
    let server = job.session().work.training().unwrap().server();
    let weights = server.dense().iter().map(|weight| weight.to_bits()).collect();
    (weights, toml::to_string(&scenario).unwrap())
}

/// One test, because the families are shared by all threads of the process.
#[test]
fn a_part_added_to_each_family_works_like_a_built_in_one() -> Result<(), RegisterError> {
    let before = Scenario::from_text(&job(true)).unwrap_err().to_string();
    assert!(before.contains("unknown"), "{before}");

    SourceChoice::register::<synthetic::Config>("own_synthetic", "The generated log.")?;
    OrderChoice::register::<shuffle_buffer::Config>("own_shuffle_buffer", "A buffer.")?;
    Hashing::register::<modulo::Config>("own_modulo", "Shared rows.")?;
    ModelChoice::register::<mlp::Config>("own_mlp", "A network.")?;
    Normalization::register::<normalization::ServerMoments>("own_shared_batch", "Moving moments.")?;
    OptimizerChoice::register::<adagrad::Config>("own_adagrad", "An optimizer.")?;
    ScheduleChoice::register::<schedule::InverseSqrt>("own_inverse_sqrt", "A decay.")?;
    ProtocolChoice::register::<softsync::Config>("own_softsync", "A protocol.")?;
    EvictionRule::register::<age::Config>("own_age", "Expiry.")?;
    RemedyChoice::register::<power::Config>("own_power", "A remedy.")?;
    StartChoice::register::<start::Staggered>("own_staggered", "A start.")?;
    StepTimeChoice::register::<step_time::gamma::Config>("own_gamma", "A law.")?;
    Local::register::<routine::PlainGradient>("own_gradient", "Local work.")?;
    DelayChoice::register::<delay::Geometric>("own_geometric", "A delay.")?;

    let (built_in, _) = trained(&job(false));
    let (own, written) = trained(&job(true));
    assert!(built_in == own, "the same parts under other names give other weights");
    assert_eq!(written.matches("kind = \"own_").count(), 13, "{written}");
    // What is written is read again, and complete.
    assert_eq!(
        toml::from_str::<Scenario>(&written).unwrap(),
        Scenario::from_text(&job(true)).unwrap()
    );
    assert!(written.contains("l2_embedding"), "{written}");
    // A scenario of built-in parts is still read as before.
    assert_eq!(trained(&job(false)).0, built_in);

    let imposed =
        "data.kind = \"own_synthetic\"\nimposed_staleness = { kind = \"own_geometric\", mean = 3 }";
    assert!(Scenario::from_text(imposed).is_ok());
    let wrong = Scenario::from_text(&imposed.replace("mean", "men")).unwrap_err().to_string();
    assert!(wrong.contains("did you mean `mean`"), "{wrong}");

    let parts = ProtocolChoice::parts();
    assert_eq!(parts.last().unwrap().name, "own_softsync");
    assert_eq!(parts.len(), ProtocolChoice::PARTS.len() + 1);

    // Names that cannot be.
    for taken in ["own_softsync", "softsync", "ssp"] {
        let refused = ProtocolChoice::register::<synchronous::Config>(taken, "Another.");
        assert_eq!(refused, Err(RegisterError::Taken { name: taken }));
    }
    for name in ["", "Mine", "1st", "two words", "a.b"] {
        let refused = ProtocolChoice::register::<synchronous::Config>(name, "Another.");
        assert_eq!(refused, Err(RegisterError::BadName { name }));
    }
    Ok(())
}
