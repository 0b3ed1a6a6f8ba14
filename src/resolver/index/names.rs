//! From names to symbols: a table of numbers alone, since the names stand with the plugins.

use std::hash::{BuildHasher as _, RandomState};

use super::Symbol;
use crate::domain::PluginName;

const EMPTY: Symbol = Symbol::MAX;

/// Open addressing with linear probing; at most half of the slots are taken, names are never removed.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    slots: Vec<Symbol>,
    taken: usize,
    hasher: RandomState,
}

impl Names {
    /// The symbol of `name`; `name_of` knows the name of every symbol in the table.
    pub(super) fn find<'a>(
        &self,
        name: &PluginName,
        name_of: impl Fn(Symbol) -> &'a PluginName,
    ) -> Option<Symbol> {
        if self.slots.is_empty() {
            return None;
        }
        let mut slot = self.first_slot(name);
        while self.slots[slot] != EMPTY {
            if name_of(self.slots[slot]) == name {
                return Some(self.slots[slot]);
            }
            slot = (slot + 1) % self.slots.len();
        }
        None
    }

    /// Takes in a name that is not in the table.
    pub(super) fn insert<'a>(
        &mut self,
        name: &PluginName,
        symbol: Symbol,
        name_of: impl Fn(Symbol) -> &'a PluginName,
    ) {
        if (self.taken + 1) * 2 > self.slots.len() {
            let longer = vec![EMPTY; (self.slots.len() * 2).max(16)];
            for known in std::mem::replace(&mut self.slots, longer) {
                if known != EMPTY {
                    self.place(name_of(known), known);
                }
            }
        }
        self.place(name, symbol);
        self.taken += 1;
    }

    fn place(&mut self, name: &PluginName, symbol: Symbol) {
        let mut slot = self.first_slot(name);
        while self.slots[slot] != EMPTY {
            slot = (slot + 1) % self.slots.len();
        }
        self.slots[slot] = symbol;
    }

    fn first_slot(&self, name: &PluginName) -> usize {
        // The length is a power of two.
        self.hasher.hash_one(name) as usize & (self.slots.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_again_and_no_other() {
        let all: Vec<PluginName> =
            (0..1_000).map(|number| format!("a:plugin-{number}").parse().unwrap()).collect();
        let mut names = Names::default();

        for (symbol, name) in (0..).zip(&all) {
            names.insert(name, symbol, |symbol| &all[symbol as usize]);
        }

        let find = |name: &PluginName| names.find(name, |symbol| &all[symbol as usize]);
        assert!((0..).zip(&all).all(|(symbol, name)| find(name) == Some(symbol)));
        assert_eq!(find(&"a:plugin-1000".parse().unwrap()), None);
    }
}
