//! Places and paths of tiles and entry bundles (c2sp.org/tlog-tiles).

use std::fmt;

use crate::domain::Refusal;

/// How many hashes, or entries, a full tile holds.
pub const TILE_WIDTH: u16 = 256;

/// The highest level a log of 64-bit indexes has.
const LEVEL_MAX: u8 = 7;

/// The longest path there is: `tile/entries/`, six elements of an index and `.p/255`.
const PATH_MAX_BYTES: usize = 48;

/// Why a text is not the path of a tile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not the path of a tile")]
pub struct InvalidTilePath {
    text: String,
}

impl Refusal for InvalidTilePath {
    fn code(&self) -> &'static str {
        "invalid-tile-path"
    }

    fn mend(&self) -> Option<String> {
        Some("Ask for tile/<level>/<index> or tile/entries/<index>, as c2sp.org/tlog-tiles says: tile/0/x001/067.p/5.".into())
    }
}

/// A tile of hashes: its level, its index within the level, and how many hashes it holds (1 to 256).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    level: u8,
    index: u64,
    width: u16,
}

impl TileId {
    /// A tile; none where the level, the index or the width is beyond what a log can have.
    pub fn new(level: u8, index: u64, width: u16) -> Option<Self> {
        let fits = level <= LEVEL_MAX
            && index < (1 << (8 * u32::from(LEVEL_MAX - level)))
            && (1..=TILE_WIDTH).contains(&width);
        fits.then_some(Self { level, index, width })
    }

    /// The tile at this level and index in a tree of `tree_size` entries; none where that tree has no such tile.
    pub fn in_tree(level: u8, index: u64, tree_size: u64) -> Option<Self> {
        if level > LEVEL_MAX {
            return None;
        }
        let hashes = tree_size >> (8 * u32::from(level));
        Self::new(level, index, width_in(index, hashes))
    }

    /// The level: at 0 the hashes are leaves, above each is the root of a full tile below.
    pub fn level(self) -> u8 {
        self.level
    }

    /// The index within the level.
    pub fn index(self) -> u64 {
        self.index
    }

    /// How many hashes it holds.
    pub fn width(self) -> u16 {
        self.width
    }

    /// Its size in bytes.
    pub fn size_bytes(self) -> usize {
        usize::from(self.width) * 32
    }

    /// The path below the log's address: `tile/0/x001/067.p/5`.
    pub fn path(self) -> String {
        format!("tile/{}/{}", self.level, index_and_width(self.index, self.width))
    }
}

/// A bundle of entries: its index, and how many entries it holds (1 to 256).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryBundleId {
    index: u64,
    width: u16,
}

impl EntryBundleId {
    /// A bundle; none where the index or the width is beyond what a log can have.
    pub fn new(index: u64, width: u16) -> Option<Self> {
        TileId::new(0, index, width).map(|_| Self { index, width })
    }

    /// The bundle of this index in a tree of `tree_size` entries; none where that tree has no such bundle.
    pub fn in_tree(index: u64, tree_size: u64) -> Option<Self> {
        Self::new(index, width_in(index, tree_size))
    }

    /// The bundle that holds entry `entry_index` in a tree of `tree_size` entries; none where it is beyond it.
    pub fn holding(entry_index: u64, tree_size: u64) -> Option<Self> {
        (entry_index < tree_size)
            .then(|| Self::in_tree(entry_index / u64::from(TILE_WIDTH), tree_size))
            .flatten()
    }

    /// The index of the bundle.
    pub fn index(self) -> u64 {
        self.index
    }

    /// How many entries it holds.
    pub fn width(self) -> u16 {
        self.width
    }

    /// The log index of its first entry.
    pub fn first_entry(self) -> u64 {
        self.index * u64::from(TILE_WIDTH)
    }

    /// The path below the log's address: `tile/entries/000.p/5`.
    pub fn path(self) -> String {
        format!("tile/entries/{}", index_and_width(self.index, self.width))
    }
}

/// What a `tile/…` path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TilePath {
    /// A tile of hashes.
    Hashes(TileId),
    /// A bundle of entries.
    Entries(EntryBundleId),
}

impl TilePath {
    /// Reads a path as [`TilePath::path`] writes it, and no other spelling of it.
    pub fn parse(text: &str) -> Result<Self, InvalidTilePath> {
        Self::read(text)
            .filter(|path| path.path() == text)
            .ok_or_else(|| InvalidTilePath { text: text.chars().take(80).collect() })
    }

    fn read(text: &str) -> Option<Self> {
        if text.len() > PATH_MAX_BYTES {
            return None;
        }
        let (kind, place) = text.strip_prefix("tile/")?.split_once('/')?;
        let (digits, width) = match place.split_once(".p/") {
            Some((digits, width)) => (digits, width.parse::<u16>().ok().filter(|&width| width < TILE_WIDTH)?),
            None => (place, TILE_WIDTH),
        };
        let mut index = 0_u64;
        for element in digits.split('/') {
            let number: u16 = element.strip_prefix('x').unwrap_or(element).parse().ok()?;
            index = index.checked_mul(1000)?.checked_add(u64::from(number))?;
        }
        match kind {
            "entries" => EntryBundleId::new(index, width).map(Self::Entries),
            level => TileId::new(level.parse().ok()?, index, width).map(Self::Hashes),
        }
    }

    /// The path below the log's address.
    pub fn path(self) -> String {
        match self {
            Self::Hashes(tile) => tile.path(),
            Self::Entries(bundle) => bundle.path(),
        }
    }

    /// How many hashes or entries it holds.
    pub fn width(self) -> u16 {
        match self {
            Self::Hashes(tile) => tile.width,
            Self::Entries(bundle) => bundle.width,
        }
    }

    /// Whether it is not full yet.
    pub fn is_partial(self) -> bool {
        self.width() < TILE_WIDTH
    }

    /// The same place with another width; none unless it is 1 to 256.
    pub fn with_width(self, width: u16) -> Option<Self> {
        match self {
            Self::Hashes(tile) => TileId::new(tile.level, tile.index, width).map(Self::Hashes),
            Self::Entries(bundle) => EntryBundleId::new(bundle.index, width).map(Self::Entries),
        }
    }
}

/// How many of `count` things tile `index` holds; 0 where they end before it.
fn width_in(index: u64, count: u64) -> u16 {
    let before = index.saturating_mul(u64::from(TILE_WIDTH));
    u16::try_from(count.saturating_sub(before)).map_or(TILE_WIDTH, |left| left.min(TILE_WIDTH))
}

/// `x001/067.p/5`: three digits an element, all but the last marked with an `x`.
fn index_and_width(index: u64, width: u16) -> String {
    let mut elements = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        elements = format!("x{:03}/{elements}", rest % 1000);
        rest /= 1000;
    }
    if width < TILE_WIDTH { format!("{elements}.p/{width}") } else { elements }
}

macro_rules! shown_as_path {
    ($type:ty) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.path())
            }
        }
    };
}

shown_as_path!(TileId);
shown_as_path!(EntryBundleId);
shown_as_path!(TilePath);

impl fmt::Debug for TileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TileId({self})")
    }
}

impl fmt::Debug for EntryBundleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EntryBundleId({self})")
    }
}
