//! What the log costs: growing it, proving from its tiles, checking proofs and checkpoints.
//!
//! `cargo bench --no-default-features --bench log`. Growing stands beside SHA-256 over the same entries in the same
//! process, so the ratio holds on a busy machine; the best of the rounds is shown.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use pluginry::domain::Digest;
use pluginry::log::{
    Checkpoint, Hash, NoteVerifier, SignedCheckpoint, TileId, TilePath, Tiles, TreeEdge, cosign, leaf_hash,
    prove_consistency, prove_inclusion, tiles_for_consistency, tiles_for_inclusion, verify_consistency,
    verify_inclusion,
};
use pluginry::signing::SecretKey;

const ROUNDS: usize = 5;
const ORIGIN: &str = "plugins.example.org";
const SIZES: [u64; 4] = [1_000, 10_000, 100_000, 1_000_000];
/// How many proofs are made and checked for each size.
const PROOFS: u64 = 200;

fn main() {
    growing();
    proving();
    checkpoints();
}

/// Entries as long as a publish entry, and as one that only says that something happened.
fn growing() {
    println!(
        "| entry | entries a checkpoint | appends/s | µs each | SHA-256 alone, µs | bytes written an entry |"
    );
    println!("|---|---|---|---|---|---|");
    for (bytes, count) in [(400, 50_000), (4_000, 20_000)] {
        let entry = |index: u64| {
            let mut entry = vec![b'x'; bytes];
            entry[..8].copy_from_slice(&index.to_be_bytes());
            entry
        };
        let entries: Vec<Vec<u8>> = (0..count).map(entry).collect();
        let hashing = best(|| {
            for entry in &entries {
                black_box(Digest::of(entry));
            }
        });
        for batch in [1, 16, 256] {
            let mut written = 0;
            let growing = best(|| written = grow(&entries, batch));
            let each = micros(growing) / count as f64;
            println!(
                "| {bytes} B | {batch} | {:.0} | {each:.2} | {:.2} | {} |",
                1e6 / each,
                micros(hashing) / count as f64,
                written / count,
            );
        }
    }
    println!();
}

/// Appends all, and after every batch takes the tiles and signs the root; says how many bytes were to be written.
fn grow(entries: &[Vec<u8>], batch: usize) -> u64 {
    let key = SecretKey::from_seed(&[1; 32]);
    let mut edge = TreeEdge::new();
    let mut written = 0;
    for batch in entries.chunks(batch) {
        for entry in batch {
            edge.append(entry).expect("a small entry");
        }
        let tiles = edge.take_tiles();
        written += tiles.iter().map(|(_, bytes)| bytes.len() as u64).sum::<u64>();
        let head = Checkpoint { origin: ORIGIN.into(), tree_size: edge.size(), root: edge.root() };
        black_box((tiles, head.sign(&[(ORIGIN, &key)])));
    }
    written
}

fn proving() {
    println!(
        "| entries | proof | hashes | bytes | tiles to fetch | bytes of tiles | making it, µs | checking it, µs |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let mut edge = TreeEdge::new();
    let mut tiles = Tiles::default();
    for size in SIZES {
        while edge.size() < size {
            edge.append(&edge.size().to_be_bytes()).expect("a small entry");
        }
        store(&mut edge, &mut tiles);
        let root = edge.root();
        let indexes: Vec<u64> = (0..PROOFS).map(|number| number * (size / PROOFS) + number % 7).collect();
        let inclusion = |index: u64| prove_inclusion(index, size, &tiles).expect("all tiles");
        report(
            size,
            "inclusion",
            &indexes,
            inclusion,
            |index| tiles_for_inclusion(index, size),
            |index, proof| {
                let leaf = leaf_hash(&index.to_be_bytes());
                verify_inclusion(leaf, index, size, root, proof).expect("the proof holds");
            },
        );
        let olds: BTreeMap<u64, Hash> = indexes
            .iter()
            .map(|&index| (index + 1, pluginry::log::root(index + 1, &tiles).expect("all tiles")))
            .collect();
        let sizes: Vec<u64> = olds.keys().copied().collect();
        let consistency = |old: u64| prove_consistency(old, size, &tiles).expect("all tiles");
        report(
            size,
            "consistency",
            &sizes,
            consistency,
            |old| tiles_for_consistency(old, size),
            |old, proof| {
                verify_consistency(old, olds[&old], size, root, proof).expect("the proof holds");
            },
        );
    }
    println!();
}

fn store(edge: &mut TreeEdge, tiles: &mut Tiles) {
    for (path, bytes) in edge.take_tiles() {
        if let TilePath::Hashes(tile) = path {
            tiles.insert(tile, bytes).expect("the edge's own tile");
        }
    }
}

/// One row: means over the places.
fn report(
    size: u64,
    kind: &str,
    places: &[u64],
    make: impl Fn(u64) -> Vec<Hash>,
    wanted: impl Fn(u64) -> Vec<TileId>,
    check: impl Fn(u64, &[Hash]),
) {
    let proofs: Vec<Vec<Hash>> = places.iter().map(|&place| make(place)).collect();
    let tiles: Vec<TileId> = places.iter().flat_map(|&place| wanted(place)).collect();
    let making = best(|| {
        for &place in places {
            black_box(make(place));
        }
    });
    let checking = best(|| {
        for (&place, proof) in places.iter().zip(&proofs) {
            check(black_box(place), black_box(proof));
        }
    });
    let mean = |sum: f64| sum / places.len() as f64;
    let hashes = mean(proofs.iter().map(Vec::len).sum::<usize>() as f64);
    println!(
        "| {size} | {kind} | {hashes:.1} | {:.0} | {:.1} | {:.0} | {:.1} | {:.2} |",
        hashes * 32.0,
        mean(tiles.len() as f64),
        mean(tiles.iter().map(|tile| tile.size_bytes()).sum::<usize>() as f64),
        mean(micros(making)),
        mean(micros(checking)),
    );
}

fn checkpoints() {
    let (log, witness) = (SecretKey::from_seed(&[1; 32]), SecretKey::from_seed(&[2; 32]));
    let head = Checkpoint { origin: ORIGIN.into(), tree_size: 1_000_000, root: leaf_hash(b"root") };
    let note = head.sign(&[(ORIGIN, &log)]);
    let log_key = [NoteVerifier::of_log(ORIGIN, log.public_key()).expect("a name")];
    let witness_key = [NoteVerifier::of_witness("witness.example", witness.public_key()).expect("a name")];
    let read = SignedCheckpoint::parse(&note).expect("our own note");
    let line = cosign(&read, "witness.example", &witness, 1_700_000_000);
    let cosigned = read.with_cosignature(&line).expect("our own line");

    println!("| checkpoint | µs |");
    println!("|---|---|");
    let row = |what: &str, work: &dyn Fn()| {
        let time = best(|| (0..200).for_each(|_| work()));
        println!("| {what} | {:.1} |", micros(time) / 200.0);
    };
    row("sign", &|| drop(black_box(black_box(&head).sign(&[(ORIGIN, &log)]))));
    row("read and verify", &|| {
        let read = SignedCheckpoint::parse(black_box(&note)).expect("our own note");
        black_box(read.verify(&log_key).expect("the log's signature"));
    });
    row("cosign", &|| drop(black_box(cosign(&read, "witness.example", &witness, 1_700_000_000))));
    row("verify a cosignature", &|| assert_eq!(black_box(&cosigned).cosignatures(&witness_key).len(), 1));
    println!();
    println!("A checkpoint has {} bytes, with one cosignature {}.", note.len(), cosigned.to_string().len());
}

/// The round that others on the machine disturbed least.
fn best(mut work: impl FnMut()) -> Duration {
    let time = |_| {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    (0..ROUNDS).map(time).min().unwrap_or_default()
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
