//! Damaged files of every format: an error or a model, never a panic. The same function is fuzzed for
//! longer in `tests/fuzz`, which shares this corpus.

use autochrome::model::weights::{ModelFile, Precision};
use autochrome_testing::checkpoints::{caffemodel, legacy_pth, pth, tiny_eccv16};
use proptest::prelude::*;
use std::sync::LazyLock;

static FILES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let tensors = tiny_eccv16();
    let small = autochrome_testing::seeded_small_unet();
    vec![
        pth(&tensors, ""),
        legacy_pth(&tensors, ""),
        caffemodel(&tensors, 1.0),
        small.write(Precision::F32).unwrap(),
        small.write(Precision::Int8).unwrap(),
        include_bytes!("../goldens/checkpoints/protocol4.pth").to_vec(),
        include_bytes!("../goldens/checkpoints/training.pth").to_vec(),
    ]
});

/// Where the structure is: at both ends, rarely among the weights between them.
fn position(length: usize, place: u32) -> usize {
    let place = place as usize;
    match place % 5 {
        0 | 1 => place / 5 % length.min(6000),
        2 | 3 => length - 1 - place / 5 % length.min(6000),
        _ => place / 5 % length,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5000))]

    #[test]
    fn changed_bytes(file in 0usize..7, changes in prop::collection::vec(any::<(u32, u8)>(), 1..6)) {
        let mut bytes = FILES[file].clone();
        for (place, byte) in changes {
            let at = position(bytes.len(), place);
            bytes[at] = byte;
        }
        let _ = ModelFile::read(&bytes);
    }

    #[test]
    fn cut_and_repeated_pieces(file in 0usize..7, from in any::<u32>(), length in 0usize..300, to in any::<u32>()) {
        let mut bytes = FILES[file].clone();
        let from = position(bytes.len(), from);
        let piece: Vec<u8> = bytes[from..].iter().copied().take(length).collect();
        let to = position(bytes.len(), to);
        bytes.splice(to..(to + length / 2).min(bytes.len()), piece);
        let _ = ModelFile::read(&bytes);
    }

    #[test]
    fn cut_off(file in 0usize..7, place in any::<u32>()) {
        let bytes = &FILES[file];
        prop_assert!(ModelFile::read(&bytes[..position(bytes.len(), place)]).is_err());
    }
}

/// The corpus of the fuzzer: small files that reach different parts of the readers.
#[test]
fn the_corpus() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz/corpus");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let _ = ModelFile::read(&bytes);
        count += 1;
    }
    assert!(count > 10, "{count} files");
}
