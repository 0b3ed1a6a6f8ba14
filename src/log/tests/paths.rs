//! Paths of tiles and entry bundles.

use proptest::prelude::*;

use crate::log::{EntryBundleId, TileId, TilePath};

#[test]
fn paths_are_written_as_the_specification_shows_them() {
    let path = |level, index, width| TileId::new(level, index, width).unwrap().path();

    assert_eq!(path(0, 1_234_067, 256), "tile/0/x001/x234/067");
    assert_eq!(path(0, 67, 5), "tile/0/067.p/5");
    assert_eq!(path(7, 0, 1), "tile/7/000.p/1");
    assert_eq!(EntryBundleId::new(1_067, 255).unwrap().path(), "tile/entries/x001/067.p/255");
}

#[test]
fn other_spellings_and_places_no_log_has_are_refused() {
    let refused = [
        "",
        "tile",
        "tile/",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/000/",
        "tile/0/000.p",
        "tile/0/000.p/",
        "tile/0/000.p/0",
        "tile/0/000.p/05",
        "tile/0/000.p/256",
        "tile/0/000.p/+5",
        "tile/0/000.p/5.p/5",
        "tile/00/000",
        "tile/8/000",
        "tile/-1/000",
        "tile/+1/000",
        "tile/7/001",
        "tile/6/256",
        "tile/0/x000/001",
        "tile/0/001/067",
        "tile/0/x001/x067",
        "tile/0/X001/067",
        "tile/0/x01/067",
        "tile/0/xx01/067",
        "tile/data/000",
        "tile/entries/0",
        "tile/entries/x000/000",
        "tile/Entries/000",
        "/tile/0/000",
        "tile/0/000\n",
        " tile/0/000",
        "tile/0/x072/x057/x594/x037/x927/936",
        "tile/0/x999/x999/x999/x999/x999/x999/999",
        "tile/0/٠٠٠",
        "tile//000",
    ];

    for text in refused {
        assert!(TilePath::parse(text).is_err(), "{text:?} was read");
    }
    let last = "tile/0/x072/x057/x594/x037/x927/935";
    assert_eq!(TilePath::parse(last).unwrap().path(), last);
}

#[test]
fn a_tree_has_the_tiles_its_size_says() {
    let width = |level, index, size| TileId::in_tree(level, index, size).map(TileId::width);

    assert_eq!(
        [width(0, 0, 0), width(0, 0, 1), width(0, 0, 256), width(0, 1, 256)],
        [None, Some(1), Some(256), None]
    );
    assert_eq!([width(1, 0, 255), width(1, 0, 256), width(1, 0, 511)], [None, Some(1), Some(1)]);
    assert_eq!(
        [width(0, 273, 70_000), width(1, 1, 70_000), width(2, 0, 70_000)],
        [Some(112), Some(17), Some(1)]
    );
    assert_eq!(EntryBundleId::holding(299, 300).map(EntryBundleId::path).unwrap(), "tile/entries/001.p/44");
    assert_eq!(EntryBundleId::holding(300, 300), None);
}

proptest! {
    #[test]
    fn a_path_reads_back(level in 0_u8..=7, index in any::<u64>(), width in 1_u16..=256, entries in any::<bool>()) {
        let path = if entries {
            TilePath::Entries(EntryBundleId::new(index >> 8, width).unwrap())
        } else {
            TilePath::Hashes(TileId::new(level, index.checked_shr(8 * (u32::from(level) + 1)).unwrap_or(0), width).unwrap())
        };

        prop_assert_eq!(TilePath::parse(&path.path()), Ok(path));
    }

    #[test]
    fn reading_a_path_never_panics(text in "(tile/)?.{0,60}") {
        if let Ok(path) = TilePath::parse(&text) {
            prop_assert_eq!(path.path(), text);
        }
    }
}
