//! The pure side of training and evaluation: what a model learns from and is judged by.

pub mod augmentation;
pub mod class_rebalancing;
pub mod logit_scale;
pub mod loss;
pub mod metrics;
