//! Text of a component type, bounded in length and depth.

/// The most bytes of one type. A type that reaches it equals no other.
const TEXT_MAX: usize = 16 * 1024;
const DEPTH_MAX: u32 = 100;

/// Collects the text of one type.
pub(super) struct TypeWriter {
    text: String,
    depth: u32,
    is_full: bool,
}

impl TypeWriter {
    pub(super) fn new() -> Self {
        Self { text: String::new(), depth: 0, is_full: false }
    }

    pub(super) fn word(&mut self, word: &str) {
        if self.is_full {
            return;
        }
        if self.text.len() + word.len() > TEXT_MAX {
            self.is_full = true;
        } else {
            self.text.push_str(word);
        }
    }

    /// A comma before every element but the first.
    pub(super) fn separator(&mut self, index: usize) {
        if index > 0 {
            self.word(", ");
        }
    }

    /// `flags { a, b }`.
    pub(super) fn names<'a>(&mut self, kind: &str, names: impl Iterator<Item = &'a str>) {
        self.word(kind);
        self.word(" { ");
        for (index, name) in names.enumerate() {
            self.separator(index);
            self.word(name);
        }
        self.word(" }");
    }

    /// Goes one type deeper, if there is room; then `leave` must follow.
    #[must_use]
    pub(super) fn enter(&mut self) -> bool {
        if self.depth == DEPTH_MAX {
            self.is_full = true;
        }
        if !self.is_full {
            self.depth += 1;
        }
        !self.is_full
    }

    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }

    /// The text, or what no document writes if it was too long.
    pub(super) fn finish(self) -> String {
        if self.is_full {
            format!("a type of more than {TEXT_MAX} bytes or {DEPTH_MAX} levels")
        } else {
            self.text
        }
    }
}
