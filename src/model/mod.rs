//! Networks, the files that hold their weights, and the checkpoints of other programs.

pub mod checkpoint;
pub mod network;
pub mod weights;
