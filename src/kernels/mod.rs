//! What Burn's operators leave undone on a device.

pub mod libtorch;
