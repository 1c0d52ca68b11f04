//! `autochrome`: the native tool. It colours files and folders, runs networks on arrays, converts,
//! inspects and measures models.
//!
//! Exit code 0: done. 1: something failed, the rest is done. 2: wrong usage.

// They panic where nobody reads any more; `terminal` does not.
#![deny(clippy::print_stderr, clippy::print_stdout)]

mod arrays;
mod commands;
mod dataset;
mod device;
mod input;
mod isolation;
mod models;
pub mod onnx;
mod output;
mod paths;
mod photographs;
mod report;
mod settings;
mod terminal;
mod walk;

use clap::{Parser, Subcommand};
use std::process::ExitCode;
use terminal::{Told, say};

/// Colours black-and-white photographs.
#[derive(Parser)]
#[command(name = "autochrome", version, about, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Colour photographs: files, or folders with all that is in them
    Colorize(commands::colorize::Arguments),
    /// Join colours of any origin with a photograph at full resolution
    Render(commands::render::Arguments),
    /// Run a network on raw L and write its logits (and ab)
    Forward(commands::forward::Arguments),
    /// Turn a checkpoint into a model file or ONNX, or change a model file's precision and settings
    Convert(commands::convert::Arguments),
    /// Say what is in a model file or checkpoint
    Inspect(commands::inspect::Arguments),
    /// Put the photographs worth learning from into one archive, apart from those to judge by
    Sift(commands::sift::Arguments),
    /// Train a network on colour photographs
    Train(commands::train::Arguments),
    /// Count the colours of photographs: the class prior that training weighs them by
    Prior(commands::prior::Arguments),
    /// Train a classifier that says whether recoloured photographs still show what they showed
    Classifier(commands::classifier::Arguments),
    /// Measure how near a model's colours come to the true ones
    Evaluate(commands::evaluate::Arguments),
    /// Measure every way of bringing chroma to full resolution
    EvaluateUpsampling(commands::evaluate_upsampling::Arguments),
}

/// A command line that clap accepts but that makes no sense; ends with exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

/// Runs the command of the process's arguments.
#[must_use]
pub fn run() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Colorize(arguments) => commands::colorize::run(&arguments),
        Command::Render(arguments) => commands::render::run(&arguments),
        Command::Forward(arguments) => commands::forward::run(&arguments),
        Command::Convert(arguments) => commands::convert::run(&arguments),
        Command::Inspect(arguments) => commands::inspect::run(&arguments),
        Command::Sift(arguments) => commands::sift::run(&arguments),
        Command::Train(arguments) => commands::train::run(&arguments),
        Command::Prior(arguments) => commands::prior::run(&arguments),
        Command::Classifier(arguments) => commands::classifier::run(&arguments),
        Command::Evaluate(arguments) => commands::evaluate::run(&arguments),
        Command::EvaluateUpsampling(arguments) => commands::evaluate_upsampling::run(&arguments),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            say!("error: {}", Told(&error));
            ExitCode::from(if error.is::<Usage>() { 2 } else { 1 })
        }
    }
}
