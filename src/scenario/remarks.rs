//! Remarks about a log as warnings beside the keys of the scenario that they concern.

use super::document::{Loaded, Problem, Problems};
use super::rules::{LOG_REMARK, NO_EFFECT, UNMEASURED};
use super::spec::Scenario;
use crate::data::{Remark, RemarkKind};

/// The remarks as warnings. With `loaded`, they point at their key, or at the table that lacks it.
pub fn warnings(remarks: &[Remark], loaded: Option<&Loaded<Scenario>>) -> Problems {
    let warning = |remark: &Remark| {
        let code = match remark.kind {
            RemarkKind::Meaning => &LOG_REMARK,
            RemarkKind::Unmeasured => &UNMEASURED,
            RemarkKind::NoEffect => &NO_EFFECT,
        };
        let warning = Problem::warning(code, &remark.key, &remark.message);
        let warning = warning.help(&remark.help);
        match loaded {
            Some(loaded) => warning.label(loaded.nearest_origin(&remark.key), ""),
            None => warning,
        }
    };
    Problems {
        sources: loaded.map(|loaded| loaded.problems.sources.clone()).unwrap_or_default(),
        list: remarks.iter().map(warning).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::document::{DocumentInput, load};

    #[test]
    fn a_remark_points_at_its_key_or_at_the_table_that_lacks_it() {
        let text = "straggler = 1\n[scenario]\nname = \"x\"\n[data]\nkind = \"table\"\n\
                    [data.history]\ncolumn = \"seen\"\n";
        let input = DocumentInput::Text { name: "x.toml", text };
        let loaded = load::<Scenario>(input, &[]).unwrap();
        let remarks = [
            Remark::new("data.history.padding", "every history ends in 0", "write padding"),
            Remark::new("data.history.column", "a column", "another column"),
        ];
        let drawn = warnings(&remarks, Some(&loaded)).to_string();
        assert!(drawn.contains("warning[W0205]: every history ends in 0"), "{drawn}");
        assert!(drawn.contains("x.toml:6:") && drawn.contains("x.toml:7:"), "{drawn}");
        let plain = warnings(&remarks, None).to_string();
        assert!(plain.contains("help: write padding") && plain.contains("2 warnings"), "{plain}");
    }
}
