//! `straggler new`: a commented scenario to start from.

use super::args::NewArgs;
use super::exit::{Exit, Failure};
use super::named_file;
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
            if named_file::refuse_existing(path, false).is_err() {
                let message = format!("cannot write {}: it exists already", path.display());
                return Err(Failure::new(Exit::Write, message));
            }
            named_file::write(path, false, template.text.as_bytes())?;
            tell(&format!("{} written; next: straggler check {0}\n", path.display()));
        }
    }
    Ok(Exit::Done)
}
