//! A list that is cheap to copy: copies share the blocks in which nothing changed.

use std::sync::Arc;

const BLOCK: usize = 64;

/// A growing list of shared items. A copy costs a pointer for each block; a change, one block and one item.
#[derive(Debug)]
pub(super) struct Shelf<T> {
    blocks: Vec<Arc<[Option<Arc<T>>; BLOCK]>>,
    length: usize,
}

impl<T> Shelf<T> {
    /// How many items there are.
    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// The item at `place`, which must be there.
    pub(super) fn get(&self, place: usize) -> &Arc<T> {
        self.blocks[place / BLOCK][place % BLOCK].as_ref().expect("places below the length are filled")
    }

    /// Every item in its place.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<T>> {
        self.blocks.iter().flat_map(|block| block.iter().flatten())
    }

    /// Adds an item behind the last.
    pub(super) fn push(&mut self, item: T) {
        let place = self.length % BLOCK;
        if place == 0 {
            self.blocks.push(Arc::new([const { None }; BLOCK]));
        }
        let last = self.blocks.len() - 1;
        Arc::make_mut(&mut self.blocks[last])[place] = Some(Arc::new(item));
        self.length += 1;
    }
}

impl<T: Clone> Shelf<T> {
    /// The item at `place`, to be changed: copies made before keep the old one.
    pub(super) fn change(&mut self, place: usize) -> &mut T {
        let slot = &mut Arc::make_mut(&mut self.blocks[place / BLOCK])[place % BLOCK];
        Arc::make_mut(slot.as_mut().expect("places below the length are filled"))
    }
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self { blocks: Vec::new(), length: 0 }
    }
}

impl<T> Clone for Shelf<T> {
    fn clone(&self) -> Self {
        Self { blocks: self.blocks.clone(), length: self.length }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_keeps_what_it_held_and_shares_the_rest() {
        let mut shelf = Shelf::default();
        (0..200).for_each(|number| shelf.push(number));
        let before = shelf.clone();

        *shelf.change(130) = 1_000;
        shelf.push(200);

        assert!(before.iter().map(|item| **item).eq(0..200));
        assert_eq!((**shelf.get(130), **shelf.get(200), shelf.len()), (1_000, 200, 201));
        assert!(Arc::ptr_eq(&before.blocks[0], &shelf.blocks[0]));
        assert!(!Arc::ptr_eq(&before.blocks[2], &shelf.blocks[2]));
        assert!(Arc::ptr_eq(before.get(129), shelf.get(129)));
    }
}
