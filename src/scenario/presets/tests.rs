//! Properties of every preset, and of the layer that presets form.

use super::*;
use crate::scenario::document::{DocumentInput, Loaded, Override, load, to_toml};
use crate::scenario::templates::TEMPLATES;
use crate::scenario::{Scenario, rules};

fn read(text: &str, overrides: &[&str]) -> Loaded<Scenario> {
    let overrides: Vec<Override> =
        (3..).zip(overrides).map(|(at, text)| Override::argument(at, *text)).collect();
    let input = DocumentInput::Text { name: "my.toml", text };
    let mut loaded = load::<Scenario>(input, &overrides).unwrap();
    rules::check(&mut loaded);
    loaded.finish().unwrap()
}

const TIMING: &str = "timing_only = {}\ntrain.stop.updates = 3\n";

/// The presets of serving copies, which need a live stream, and such a stream.
const SERVING: [&str; 3] = ["monolith-online", "tf-serving-hourly", "torcheasyrec-export"];
const LIVE: &str = "data.kind = \"synthetic\"\nholdout.days = \"2\"\nonline = {}\n";

/// A scenario with which the preset goes.
fn suitable(preset: &str) -> &'static str {
    if SERVING.contains(&preset) { LIVE } else { TIMING }
}

#[test]
fn every_preset_goes_with_every_template_without_a_word_and_resolves_to_plain_settings() {
    for preset in Preset::PARTS.iter().filter(|preset| !SERVING.contains(&preset.name)) {
        for template in TEMPLATES {
            let overrides = [Override::argument(1, format!("preset={}", preset.name))];
            let input = DocumentInput::Text { name: template.name, text: template.text };
            let mut loaded = load::<Scenario>(input, &overrides).expect(preset.name);
            rules::check(&mut loaded);
            let loaded = match loaded.finish() {
                Ok(loaded) => loaded,
                // Some presets have workers return to earlier examples.
                Err(problems) => {
                    let told = problems.to_string();
                    assert!(told.contains("a live stream does not come back"), "{told}");
                    continue;
                }
            };
            let (name, problems) = (preset.name, &loaded.problems);
            let told = problems.list.iter().any(|problem| problem.code.id == "W0202");
            assert!(!told, "{name} with {}: {problems}", template.name);
            let resolved = to_toml(&loaded.value).unwrap();
            assert!(!resolved.contains("preset"), "{resolved}");
            let input = DocumentInput::Text { name: "resolved.toml", text: &resolved };
            let again = load::<Scenario>(input, &[]).unwrap().value;
            assert_eq!(Scenario { preset: None, ..loaded.value }, again, "{name}");
        }
    }
}

#[test]
fn a_preset_alone_changes_what_it_says_and_every_change_tells_its_origin() {
    for preset in Preset::PARTS {
        let base = suitable(preset.name);
        let with = read(&format!("preset = \"{}\"\n{base}", preset.name), &[]);
        let without = read(base, &[]);
        assert_ne!(to_toml(&with.value).unwrap(), to_toml(&without.value).unwrap());
        let origin = format!("# preset {}", preset.name);
        assert!(with.show().contains(&origin), "{}", with.show());
        assert!(with.problems.list.is_empty(), "{}: {}", preset.name, with.problems);
    }
}

#[test]
fn a_preset_of_a_serving_copy_asks_for_a_stream() {
    for name in SERVING {
        let text = format!("preset = \"{name}\"\n{TIMING}");
        let input = DocumentInput::Text { name: "my.toml", text: &text };
        let mut loaded = load::<Scenario>(input, &[]).unwrap();
        rules::check(&mut loaded);
        let problems = loaded.finish().unwrap_err().to_string();
        let told = problems.contains("add `[online]`") && problems.contains(name);
        assert!(told, "{problems}");
    }
}

#[test]
fn defaults_lie_below_a_preset_and_everything_written_above_it() {
    let text = "preset = \"deeprec\"\noptimizer.beta2 = 0.9\ncluster.start.step = \"1s\"\n";
    let loaded = read(&format!("{text}{TIMING}"), &["optimizer.beta1=0.5"]);
    let shown = loaded.show();
    for line in [
        "scope         = \"variable\"",
        "# preset deeprec",
        "# my.toml:2 (0.999, preset deeprec)",
        "# command line, argument 3 (0.9, preset deeprec)",
        "# my.toml:3 (\"5s\", preset deeprec)",
    ] {
        let found = shown.contains(line) || shown.contains(&line.replace("         =", " ="));
        assert!(found, "{line} is missing in\n{shown}");
    }
}

#[test]
fn another_kind_replaces_a_presets_section_whole_and_says_so() {
    let defaults = read(&format!("optimizer.kind = \"adagrad\"\n{TIMING}"), &[]).value.optimizer;
    let file = format!("preset = \"deeprec\"\n{TIMING}[optimizer]\nkind = \"adagrad\"\n");
    let argument = format!("preset = \"deeprec\"\n{TIMING}");
    for (text, overrides) in [(&file, &[][..]), (&argument, &["optimizer.kind=adagrad"])] {
        let loaded = read(text, overrides);
        assert_eq!(loaded.value.optimizer, defaults, "nothing of the preset's is left");
        let told = loaded.problems.to_string();
        assert!(told.contains("W0101") && told.contains("scope"), "{told}");
        let place = if overrides.is_empty() { "my.toml:4" } else { "command line, argument 3" };
        assert!(told.contains(place) && told.contains("preset deeprec"), "{told}");
    }
    // Without a kind, or with the same kind, the section is amended, and there is no warning.
    for keys in ["beta2 = 0.9", "kind = \"adam\"\nbeta2 = 0.9"] {
        let loaded = read(&format!("preset = \"deeprec\"\n{TIMING}[optimizer]\n{keys}\n"), &[]);
        assert!(loaded.show().contains("scope"), "{}", loaded.show());
        assert!(loaded.show().contains("(0.999, preset deeprec)"), "{}", loaded.show());
        assert!(!loaded.problems.to_string().contains("W0101"), "{}", loaded.problems);
    }
    // There is no warning either if the preset's section has only its kind.
    let loaded = read(&format!("preset = \"xdl\"\nprotocol.kind = \"synchronous\"\n{TIMING}"), &[]);
    assert!(loaded.problems.list.is_empty(), "{}", loaded.problems);
}

#[test]
fn a_preset_can_be_swept_and_chosen_on_the_command_line() {
    let text = format!("preset = \"xdl\"\n{TIMING}");
    let swept = Override::sweep_point("point 1", "preset=\"monolith\"");
    let input = DocumentInput::Text { name: "my.toml", text: &text };
    let loaded = load::<Scenario>(input, std::slice::from_ref(&swept)).unwrap();
    assert_eq!(loaded.value.cluster.start.name(), "monolith");
    assert_eq!(loaded.value.preset, Some(Preset::Monolith));
    let argument = Override::argument(2, "preset = tensorflow-sync");
    let loaded = load::<Scenario>(input, &[argument, swept]).unwrap();
    assert_eq!(loaded.value.protocol.name(), "tokens");
}

#[test]
fn an_unknown_preset_is_answered_with_the_nearest() {
    let refused = |overrides: &[Override], text| {
        load::<Scenario>(DocumentInput::Text { name: "my.toml", text }, overrides)
            .unwrap_err()
            .to_string()
    };
    let problems = refused(&[], "preset = \"monolit\"\n");
    assert!(problems.contains("did you mean \"monolith\"?"), "{problems}");
    let problems = refused(&[Override::argument(2, "preset=tensorflow")], "");
    assert!(problems.contains("tensorflow-ps"), "{problems}");
    let problems = refused(&[], "preset = 3\n");
    assert!(problems.contains("preset"), "{problems}");
}

#[test]
fn what_contradicts_a_preset_is_marked_in_both_places() {
    let input =
        DocumentInput::Text { name: "my.toml", text: "preset = \"persia\"\ncluster.shards = 1\n" };
    let mut loaded = load::<Scenario>(input, &[]).unwrap();
    rules::check(&mut loaded);
    let problems = loaded.finish().unwrap_err().to_string();
    assert!(problems.contains("preset persia"), "{problems}");
    assert!(problems.contains("my.toml"), "{problems}");
}
