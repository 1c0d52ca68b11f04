//! Tests on this processor: one program, since each would link Burn anew.

mod carried;
mod checkpoints;
mod classifier;
mod damaged_checkpoints;
mod documentation;
mod files;
mod files_colors;
mod files_jpeg;
mod golden_vectors;
mod invariants;
mod kernels;
mod layers;
mod learning;
mod model_files;
mod networks;
mod old_photographs;
mod pictures;
mod tiffs;
