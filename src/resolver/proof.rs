//! The solver's proof that there is no answer. It may be as deep as the graph is long.

use std::convert::Infallible;
use std::ops::Deref;
use std::sync::Arc;

use pubgrub::DerivationTree;

use super::provider::Package;
use super::version_bits::VersionBits;

/// A proof, or a part of one.
pub(super) type Tree = DerivationTree<Package, VersionBits, Infallible>;

/// The whole proof. It is taken apart piece by piece when it is dropped: left to itself, a tree of a hundred thousand
/// steps drops its causes from within each other and overflows the stack, which would end the server.
pub(super) struct Proof(Tree);

impl From<Tree> for Proof {
    fn from(tree: Tree) -> Self {
        Self(tree)
    }
}

impl Deref for Proof {
    type Target = Tree;

    fn deref(&self) -> &Tree {
        &self.0
    }
}

impl Drop for Proof {
    fn drop(&mut self) {
        let nothing = || DerivationTree::External(pubgrub::External::NotRoot(Package::Root, 0));
        let mut parts = vec![Arc::new(std::mem::replace(&mut self.0, nothing()))];
        while let Some(part) = parts.pop() {
            if let Some(DerivationTree::Derived(derived)) = Arc::into_inner(part) {
                parts.extend([derived.cause1, derived.cause2]);
            }
        }
    }
}
