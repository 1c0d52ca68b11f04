//! An inverted residual block by rows: what its first convolution makes is six times as wide as what
//! goes in and comes out, and a large map of it fits no cache. A few rows do, and are used up before the
//! next are made.

use super::super::Activation;
use super::arithmetic::Arithmetic;
use super::depthwise::{self, Rows};
use super::{Added, Convolution, Finish, each_chunk};
use std::cell::Cell;

/// Values of the wide map's rows that are made at a time: half a megabyte.
const CACHED_VALUES: usize = 128 * 1024;

thread_local! {
    /// Rows of the wide map before and after the depthwise convolution.
    static SCRATCH: Cell<[Vec<f32>; 2]> = const { Cell::new([Vec::new(), Vec::new()]) };
}

/// The three convolutions of a block: 1 x 1, depthwise, 1 x 1.
#[derive(Clone, Copy, Debug)]
pub struct Bottleneck<'a> {
    /// Widens.
    pub expand: &'a Convolution,
    /// Looks around, channel by channel.
    pub depthwise: &'a Convolution,
    /// Brings together.
    pub project: &'a Convolution,
}

impl Bottleneck<'_> {
    /// Whether the wide map is too large to be made as a whole.
    #[must_use]
    pub fn pays(&self, size: [usize; 2]) -> bool {
        size[0] * size[1] * self.expand.shape.to > 2 * CACHED_VALUES
    }

    /// Runs the block on one picture `[height, width, from]`, `activation` after its first two
    /// convolutions; `residual`: what came in is added.
    ///
    /// # Panics
    /// If the lengths do not fit.
    #[must_use]
    pub fn forward(
        &self,
        input: &[f32],
        size: [usize; 2],
        activation: Activation,
        residual: bool,
    ) -> Vec<f32> {
        let Self { expand, depthwise, project } = *self;
        let [height, width] = size;
        let [high, wide] = depthwise.shape.output(size);
        let (from, middle, to) = (expand.shape.from, expand.shape.to, project.shape.to);
        let stride = depthwise.shape.stride;
        let rows = (CACHED_VALUES / (width * middle * stride)).clamp(1, high);
        let arithmetic = Arithmetic::of_this_processor();
        let finish = Finish { layer: depthwise, width: wide, added: None, activation };
        let mut output = vec![0.0; high * wide * to];
        each_chunk(&mut output, rows * wide * to, |index, output| {
            let outputs = index * rows..(index * rows + rows).min(high);
            let seen = depthwise::rows_seen(depthwise, outputs.clone(), height);
            let mut scratch = SCRATCH.take();
            let [before, after] = &mut scratch;
            before.resize(seen.len() * width * middle, 0.0);
            after.resize(outputs.len() * wide * middle, 0.0);
            let narrow = &input[seen.start * width * from..seen.end * width * from];
            expand.forward_into(narrow, [seen.len(), width], None, activation, before);
            let before = Rows { values: before, above: seen.start };
            depthwise::run(depthwise, before, size, &finish, arithmetic, outputs.start, after);
            let added =
                residual.then(|| Added::Same(&input[outputs.start * wide * to..outputs.end * wide * to]));
            project.forward_into(after, [outputs.len(), wide], added, Activation::Identity, output);
            SCRATCH.set(scratch);
        });
        output
    }
}
