//! The failure of one photograph stays its own: a panic, of a decoder for instance, becomes an error like
//! any other, and the photographs after it are done.

use anyhow::Result;
use std::any::Any;
use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A panic on one photograph.
#[derive(Debug, thiserror::Error)]
#[error("the program failed on this file ({message}); please report it with the file")]
pub struct Panicked {
    message: String,
}

/// Pieces of work under way whose panics are errors.
static ISOLATED: AtomicUsize = AtomicUsize::new(0);

static HOOK: Once = Once::new();

thread_local! {
    /// File and line of this thread's last panic.
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Does a piece of work whose panic is an error of its own.
///
/// # Errors
/// Those of the work, and [`Panicked`].
pub fn isolated<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    HOOK.call_once(install_hook);
    ISOLATED.fetch_add(1, Ordering::SeqCst);
    // Of a panic that the work caught by itself nothing is told.
    PLACE.take();
    // The work owns what it changes, or its caller puts that back after an error.
    let outcome = panic::catch_unwind(AssertUnwindSafe(work));
    ISOLATED.fetch_sub(1, Ordering::SeqCst);
    outcome.unwrap_or_else(|panic| Err(Panicked { message: message(&*panic) }.into()))
}

/// A panic hook that leaves the telling to [`Panicked`] while something is isolated. It counts and does not
/// ask which thread panics: a decoder may work on threads of its own.
fn install_hook() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if ISOLATED.load(Ordering::SeqCst) == 0 {
            usual(info);
        } else if let Some(place) = info.location() {
            PLACE.set(format!("{}:{}", place.file(), place.line()));
        }
    }));
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("panic");
    let place = PLACE.take();
    // Of a path in a registry the file's own name is enough.
    match place.rsplit('/').next().filter(|place| !place.is_empty()) {
        Some(place) => format!("{text}, {place}"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_with_its_message_and_place() {
        let error = isolated(|| -> Result<()> { panic!("strip {} of 3", 7) }).unwrap_err();
        assert!(error.is::<Panicked>());
        let text = error.to_string();
        assert!(text.contains("strip 7 of 3, isolation.rs:"), "{text}");
        // The place belongs to that panic alone.
        let resumed = isolated(|| -> Result<()> { panic::resume_unwind(Box::new("from a thread")) });
        let text = resumed.unwrap_err().to_string();
        assert!(text.contains("(from a thread)"), "{text}");
    }

    #[test]
    fn what_succeeds_and_what_fails_stays_as_it_is() {
        assert_eq!(isolated(|| Ok(3)).unwrap(), 3);
        assert_eq!(isolated(|| -> Result<()> { anyhow::bail!("no") }).unwrap_err().to_string(), "no");
    }
}
