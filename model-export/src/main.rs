//! The program `autochrome`.

fn main() -> std::process::ExitCode {
    model_export::run()
}
