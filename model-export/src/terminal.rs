//! Words on stderr and results on stdout. Neither ends a command that has work to do: a reader that has
//! gone (`| head -1`) or a full disk behind stderr loses words, not photographs.

use anyhow::{Context, Result};
use std::fmt;
use std::io::{self, Write};

/// A line on stderr, as `eprintln!`, which panics where nobody reads any more.
macro_rules! say {
    ($($part:tt)*) => { $crate::terminal::write_line(format_args!($($part)*)) };
}
pub(crate) use say;

/// Writes a line to stderr where that is possible.
pub fn write_line(line: fmt::Arguments<'_>) {
    // Written at once, so that lines of several threads do not mix.
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// Writes a result to stdout. A reader that has seen enough is no error.
///
/// # Errors
/// Where it cannot be written for another reason, such as a full disk.
pub fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("the result cannot be written to stdout")
        }
        _ => Ok(()),
    }
}

/// An error with its causes, each told once: some say in their own words what their cause is.
pub struct Told<'a>(pub &'a anyhow::Error);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = String::new();
        for cause in self.0.chain() {
            let text = cause.to_string();
            if said.is_empty() {
                said = text;
            } else if !said.contains(&text) {
                said = format!("{said}: {text}");
            }
        }
        f.write_str(&said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;

    #[derive(Debug, thiserror::Error)]
    #[error("no model: {0}. Make one")]
    struct Outer(#[source] io::Error);

    #[test]
    fn a_cause_that_was_told_is_not_told_again() {
        let error = anyhow!(Outer(io::Error::other("it ends early"))).context("a.pth");
        assert_eq!(format!("{error:#}"), "a.pth: no model: it ends early. Make one: it ends early");
        assert_eq!(Told(&error).to_string(), "a.pth: no model: it ends early. Make one");
        let error = anyhow!("no such file").context("cannot read b").context("c");
        assert_eq!(Told(&error).to_string(), "c: cannot read b: no such file");
    }
}
