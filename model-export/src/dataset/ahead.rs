//! Work that is done by threads before it is asked for, handed over in order.

use anyhow::{Context, Result};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

/// A photograph that could not be read: its number, and a line that says so.
pub type Failure = (usize, String);

/// The batches of a step, and the photographs that failed on the way.
pub struct Made<T> {
    pub value: T,
    pub failed: Vec<Failure>,
}

/// An endless row of what is made for one step after another.
///
/// Each thread makes every `workers`-th of them and keeps at most two that were not yet taken. The
/// threads end when this is dropped.
pub struct Ahead<T> {
    /// The output of each thread, in order; the threads take turns.
    queues: Vec<Receiver<Result<Made<T>>>>,
    threads: Vec<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
    turn: usize,
    reported: HashSet<usize>,
}

impl<T: Send + 'static> Ahead<T> {
    /// Begins with `first_step`. `make` returns `None` where it was told to stop; after an error there
    /// is nothing more.
    ///
    /// # Errors
    /// Where no thread can be started.
    pub fn new(
        make: impl Fn(u64, &AtomicBool) -> Result<Option<Made<T>>> + Send + Sync + 'static,
        workers: usize,
        first_step: u64,
    ) -> Result<Self> {
        let workers = workers.max(1);
        let make = Arc::new(make);
        let mut ahead = Self {
            queues: Vec::new(),
            threads: Vec::new(),
            stop: Arc::new(AtomicBool::new(false)),
            turn: 0,
            reported: HashSet::new(),
        };
        for worker in 0..workers {
            let (sender, queue) = sync_channel(1);
            let (make, stop) = (Arc::clone(&make), Arc::clone(&ahead.stop));
            let steps = (first_step + worker as u64..).step_by(workers);
            let thread = thread::Builder::new()
                .name(format!("examples-{worker}"))
                .spawn(move || work(&*make, steps, &sender, &stop))
                .context("no thread can be started")?;
            ahead.queues.push(queue);
            ahead.threads.push(thread);
        }
        Ok(ahead)
    }

    /// The next one, waited for where none is ready, and a line for each photograph that failed for
    /// the first time.
    ///
    /// # Errors
    /// Those of making it.
    pub fn next(&mut self) -> Result<(T, Vec<String>)> {
        let made = self.queues[self.turn].recv().context("the thread that makes examples has ended")??;
        self.turn = (self.turn + 1) % self.queues.len();
        let fresh = made.failed.into_iter().filter(|(index, _)| self.reported.insert(*index));
        Ok((made.value, fresh.map(|(_, warning)| warning).collect()))
    }
}

fn work<T>(
    make: &impl Fn(u64, &AtomicBool) -> Result<Option<Made<T>>>,
    steps: impl Iterator<Item = u64>,
    queue: &SyncSender<Result<Made<T>>>,
    stop: &AtomicBool,
) {
    for step in steps {
        let Some(made) = make(step, stop).transpose() else { return };
        let failed = made.is_err();
        if queue.send(made).is_err() || failed {
            return;
        }
    }
}

impl<T> Drop for Ahead<T> {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // A thread that waits to hand something over learns it from the queue.
        self.queues.clear();
        for thread in self.threads.drain(..) {
            // One that panicked has said so already.
            let _ = thread.join();
        }
    }
}
