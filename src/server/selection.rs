//! Parameters chosen by name: single blocks, layers, tables, or whole groups.

use crate::params::Layout;

/// The selected parts of the parameters.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Aspects {
    /// The parameters themselves.
    pub weights: bool,
    /// The optimizer's memory beside them.
    pub slots: bool,
    /// The updates that the optimizer has counted.
    pub counters: bool,
}

impl Aspects {
    /// All of them.
    pub const ALL: Aspects = Aspects { weights: true, slots: true, counters: true };
}

/// Blocks and tables of a layout.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Selection {
    dense: Vec<bool>,
    tables: Vec<bool>,
    moving: Vec<bool>,
}

/// A name that no parameter has.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the model has no parameters \"{name}\": it has {}, and `last`, `last.2`, ..., `dense`, `embeddings`, `all`", names.join(", "))]
pub struct UnknownName {
    /// The name.
    pub name: String,
    /// The layers and tables of the model.
    pub names: Vec<String>,
}

impl Selection {
    fn fill(layout: &Layout, chosen: bool) -> Selection {
        Selection {
            dense: vec![chosen; layout.dense.len()],
            tables: vec![chosen; layout.tables.len()],
            moving: vec![chosen; layout.moving.len()],
        }
    }

    /// All parameters.
    pub fn all(layout: &Layout) -> Selection {
        Selection::fill(layout, true)
    }

    /// The parameters with these names: a layer (`mlp.0`), a block (`mlp.0.weight`), a table
    /// (`item`), the last dense layers (`last`, `last.2`), `dense`, `embeddings`, or `all`. Moving
    /// statistics belong to their layers.
    ///
    /// # Errors
    /// The first name that no parameter has.
    pub fn of(layout: &Layout, names: &[String]) -> Result<Selection, UnknownName> {
        let mut chosen = Selection::fill(layout, false);
        for name in names {
            if !chosen.add(layout, name) {
                return Err(UnknownName { name: name.clone(), names: every_name(layout) });
            }
        }
        Ok(chosen)
    }

    /// Adds the parameters called `name`; returns whether there are any.
    fn add(&mut self, layout: &Layout, name: &str) -> bool {
        match name {
            "all" => *self = Selection::all(layout),
            "embeddings" => self.tables.fill(true),
            "dense" => {
                self.dense.fill(true);
                self.moving.fill(true);
            }
            _ => match last_layers(layout, name) {
                Some(layers) => layers.iter().for_each(|layer| _ = self.add_named(layout, layer)),
                None => return self.add_named(layout, name),
            },
        }
        true
    }

    fn add_named(&mut self, layout: &Layout, name: &str) -> bool {
        let mut found = false;
        let mut mark = |chosen: &mut Vec<bool>, matches: Vec<bool>| {
            for (chosen, matches) in chosen.iter_mut().zip(matches) {
                *chosen |= matches;
                found |= matches;
            }
        };
        let named = |block: &crate::params::Block| block.layer == name || block.name == name;
        mark(&mut self.dense, layout.dense.iter().map(named).collect());
        mark(&mut self.moving, layout.moving.iter().map(named).collect());
        mark(&mut self.tables, layout.tables.iter().map(|table| table.name == name).collect());
        found
    }

    /// Whether nothing is chosen.
    pub fn is_empty(&self) -> bool {
        let mut all = self.dense.iter().chain(&self.tables).chain(&self.moving);
        !all.any(|chosen| *chosen)
    }

    /// Chosen blocks of the dense group.
    pub fn dense(&self) -> impl Iterator<Item = usize> {
        chosen(&self.dense)
    }

    /// Chosen tables.
    pub fn tables(&self) -> impl Iterator<Item = usize> {
        chosen(&self.tables)
    }

    /// Chosen blocks of the non-trainable group.
    pub fn moving(&self) -> impl Iterator<Item = usize> {
        chosen(&self.moving)
    }
}

fn chosen(flags: &[bool]) -> impl Iterator<Item = usize> {
    flags.iter().enumerate().filter(|(_, chosen)| **chosen).map(|(index, _)| index)
}

/// The layers that `last` or `last.K` stands for, unless a layer has that name.
fn last_layers(layout: &Layout, name: &str) -> Option<Vec<String>> {
    let layers = layout.layers();
    let count = match name.strip_prefix("last")? {
        "" => 1,
        rest => rest.strip_prefix('.')?.parse::<usize>().ok().filter(|&count| count > 0)?,
    };
    let from = layers.len().checked_sub(count)?;
    Some(layers[from..].iter().map(|(layer, _)| layer.clone()).collect())
}

fn every_name(layout: &Layout) -> Vec<String> {
    let layers = layout.layers().into_iter().map(|(layer, _)| layer);
    layers.chain(layout.tables.iter().map(|table| table.name.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Init;

    fn layout() -> Layout {
        let mut layout = Layout::default();
        layout.add_table("item", 0, 3, 2, Init::Constant(0.0));
        layout.add_table("user", 1, 3, 2, Init::Constant(0.0));
        for layer in ["attention.0", "mlp.0", "out"] {
            layout.add_block(layer, "weight", (2, 2), Init::Constant(0.0));
            layout.add_block(layer, "bias", (1, 2), Init::Constant(0.0));
        }
        layout.add_moving_block("mlp.0", "mean", (1, 2), Init::Constant(0.0));
        layout
    }

    fn select(names: &[&str]) -> (Vec<usize>, Vec<usize>, Vec<usize>) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let chosen = Selection::of(&layout(), &names).unwrap();
        (chosen.dense().collect(), chosen.tables().collect(), chosen.moving().collect())
    }

    #[test]
    fn names_mean_what_they_say() {
        assert_eq!(select(&["last"]), (vec![4, 5], vec![], vec![]));
        assert_eq!(select(&["last.2"]), (vec![2, 3, 4, 5], vec![], vec![0]));
        assert_eq!(select(&["mlp.0.bias", "user"]), (vec![3], vec![1], vec![]));
        assert_eq!(select(&["embeddings"]), (vec![], vec![0, 1], vec![]));
        assert_eq!(select(&["dense"]).0.len(), 6);
        assert_eq!(select(&["all"]).1.len(), 2);
        assert_eq!(select(&[]), (vec![], vec![], vec![]));
    }

    #[test]
    fn what_means_nothing_is_refused_with_what_there_is() {
        for name in ["", "mlp", "last.0", "last.4", "last.x", "Item"] {
            let error = Selection::of(&layout(), &[name.to_owned()]).unwrap_err();
            assert_eq!(error.names, ["attention.0", "mlp.0", "out", "item", "user"], "{name}");
        }
    }
}
