//! `straggler new`: a commented scenario to start from.

use std::fs::File;
use std::io::Write;

use super::args::NewArgs;
use super::exit::{Exit, Failure};
use super::say::{out, tell};
use crate::scenario::templates::{TEMPLATES, Template};

pub(super) fn new(args: &NewArgs) -> Result<Exit, Failure> {
    let Some(name) = &args.template else {
        let mut text = String::new();
        for template in TEMPLATES {
            text.push_str(&format!("{:<18} {}\n", template.name, template.summary()));
        }
        out(&text)?;
        return Ok(Exit::Done);
    };
    let template = Template::find(name).ok_or_else(|| {
        let known: Vec<&str> = TEMPLATES.iter().map(|template| template.name).collect();
        let message = format!("there is no template \"{name}\": use one of {}", known.join(", "));
        Failure::new(Exit::Usage, message)
    })?;
    match &args.out {
        None => out(template.text)?,
        Some(path) => {
            let written = File::create_new(path)
                .and_then(|mut file| file.write_all(template.text.as_bytes()));
            written.map_err(|error| {
                Failure::new(Exit::Write, format!("cannot write {}: {error}", path.display()))
            })?;
            tell(&format!("{} written; next: straggler check {0}\n", path.display()));
        }
    }
    Ok(Exit::Done)
}
