//! Training and evaluation of models: examples, losses, class rebalancing, the training step, and metrics.

pub mod augmentation;
pub mod blend;
pub mod class_rebalancing;
pub mod classifier;
pub mod collapse;
pub mod encoder_learning;
mod error;
pub mod held_out;
mod initial_weights;
pub mod labels;
pub mod learner;
pub mod likeness;
pub mod logit_scale;
pub mod loss;
pub mod metrics;
mod network_with_head;
pub mod objective;
pub mod optimizer;
pub mod schedule;
mod soft_target;
mod tape;

pub use error::TrainingError;
