//! Other words for a `kind`, such as `ssp`: the name takes their place as soon as they are read, so
//! that everything behind this file knows one name only.

use super::node::{KeyTable, Node, Value};
use super::shape::{Shape, ValueKind, Variant};
use crate::base::registry::TAG;

/// Replaces every alias in a value of this shape.
pub(super) fn settle(node: &mut Node, shape: &Shape) {
    match (&mut node.value, &shape.kind) {
        (Value::Table(table), _) => settle_table(table, shape),
        (Value::Array(nodes), ValueKind::List { items, .. }) => {
            nodes.iter_mut().for_each(|node| settle(node, items));
        }
        _ => {}
    }
}

/// Replaces every alias in a table of this shape.
pub(super) fn settle_table(table: &mut KeyTable, shape: &Shape) {
    if let Some(kind) = table.entries.get_mut(TAG) {
        settle_kind(&mut kind.node, shape);
    }
    // Without a kind these are the keys of any kind: the default is not known here.
    for fields in super::alternatives::tables_of(shape) {
        for field in &fields.fields {
            if let Some(entry) = table.entries.get_mut(&field.name) {
                settle(&mut entry.node, &field.shape);
            }
        }
    }
}

/// Replaces the value of `kind` in a table of this shape, if it is an alias.
pub(super) fn settle_kind(kind: &mut Node, shape: &Shape) {
    let (Value::String(word), Some(variants)) = (&mut kind.value, variants(shape)) else { return };
    if let Some(variant) = variants.iter().find(|variant| variant.aliases.contains(word)) {
        word.clone_from(&variant.name);
    }
}

fn variants(shape: &Shape) -> Option<&[Variant]> {
    match &shape.kind {
        ValueKind::Choice(variants) => Some(variants),
        ValueKind::Union(shapes) => shapes.iter().find_map(variants),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Doc, JitterChoice, OptimizerChoice, parts};
    use super::super::{DocumentInput, Override, load};

    fn read(text: &str, argument: Option<&str>) -> Result<Doc, String> {
        let overrides: Vec<Override> =
            argument.map(|text| Override::argument(1, text)).into_iter().collect();
        let loaded = load::<Doc>(DocumentInput::Text { name: "doc.toml", text }, &overrides);
        loaded.map(|loaded| loaded.value).map_err(|problems| problems.to_string())
    }

    #[test]
    fn an_alias_is_read_wherever_a_kind_is_written_and_gives_way_to_the_name() {
        let by_name = read("optimizer.kind = 'lazy_adam'\noptimizer.beta1 = 0.5", None).unwrap();
        for (text, argument) in [
            ("optimizer.kind = 'lazy'\noptimizer.beta1 = 0.5", None),
            ("optimizer.kind = 'lazy'", Some("optimizer.beta1=0.5")),
            ("optimizer.beta1 = 0.5", None),
            ("", Some("optimizer={ kind = 'lazy', beta1 = 0.5 }")),
        ] {
            assert_eq!(read(text, argument), Ok(by_name.clone()), "{text} {argument:?}");
        }
        // A new kind on the command line begins with its own settings.
        let plain = read("optimizer.kind = 'sgd'\noptimizer.lr = 3", Some("optimizer.kind=lazy"));
        let OptimizerChoice::LazyAdam(plain) = plain.unwrap().optimizer else { panic!("sgd") };
        assert_eq!(plain, parts::LazyAdam::default());
        let deep = read("cluster.compute.jitter = { kind = 'none' }", None).unwrap();
        assert_eq!(deep.cluster.compute.jitter, JitterChoice::Constant(parts::Constant {}));
    }

    #[test]
    fn an_alias_with_the_key_of_another_kind_is_told_by_the_name() {
        let text = "cluster.compute.jitter = { kind = 'none', sigma = 1 }";
        let problem = read(text, None).unwrap_err();
        assert!(problem.contains("does not exist with kind = \"constant\""), "{problem}");
    }
}
