//! Any bytes are a model or an error: no panic, no hang, no more memory than a few times the file.

#![no_main]

use autochrome::model::checkpoint::Checkpoint;
use autochrome::model::weights::ModelFile;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(checkpoint) = Checkpoint::read(bytes) {
        for (name, tensor) in &checkpoint.tensors {
            let _ = tensor.values(name);
        }
    }
    let _ = ModelFile::read(bytes);
});
