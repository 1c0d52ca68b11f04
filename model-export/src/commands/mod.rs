//! One file per command.

pub mod colorize;
pub mod convert;
pub mod forward;
pub mod inspect;
