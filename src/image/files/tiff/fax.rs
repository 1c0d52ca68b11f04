//! Bilevel rows as fax machines pack them: ITU-T T.4 (group 3, one- and two-dimensional, and TIFF's variant
//! without synchronisation) and T.6 (group 4). The `fax` crate has the code tables; its decoders know
//! neither two-dimensional rows of group 3 nor damage.

use fax::maps::{Mode, black, mode, white};
use fax::{BitReader, ByteReader};
use std::convert::Infallible;

/// How rows are coded, TIFF's compression schemes 2, 3 and 4.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// One-dimensional, each row from a byte's start, no marks between rows.
    Aligned,
    /// Group 3: marks between rows; `two_dimensional`: a bit behind each mark tells the row's coding.
    Group3 { two_dimensional: bool },
    /// Group 4: two-dimensional, no marks.
    Group4,
}

struct Bits<I: Iterator<Item = Result<u8, Infallible>>> {
    reader: ByteReader<I>,
    /// Whether the mark that ends the page was read.
    ended: bool,
}

impl<I: Iterator<Item = Result<u8, Infallible>>> Bits<I> {
    fn skip(&mut self, bits: u8) {
        let Ok(()) = self.reader.consume(bits);
    }

    /// Skips the marks of a row's end; returns whether there was one, and whether the row behind it is
    /// one-dimensional.
    fn skip_marks(&mut self, two_dimensional: bool) -> (bool, bool) {
        let (mut marked, mut one_dimensional) = (false, true);
        while self.reader.peek(11) == Some(0) {
            while self.reader.peek(1) == Some(0) {
                self.skip(1);
            }
            if self.reader.peek(1).is_none() {
                break;
            }
            self.skip(1);
            self.ended |= marked;
            marked = true;
            if two_dimensional {
                one_dimensional = self.reader.peek(1) != Some(0);
                self.skip(1);
            }
        }
        (marked, one_dimensional)
    }

    /// The length of a run of black or white pixels.
    fn run(&mut self, is_black: bool) -> Option<usize> {
        let mut length = 0;
        loop {
            let part = usize::from(if is_black {
                black::decode(&mut self.reader)
            } else {
                white::decode(&mut self.reader)
            }?);
            length += part;
            if part < 64 {
                return Some(length);
            }
        }
    }

    /// Adds the changes of colour of a one-dimensional row; false where it ends early.
    fn one_dimensional(&mut self, width: usize, row: &mut Vec<usize>) -> bool {
        let (mut at, mut is_black) = (0, false);
        while at < width {
            if self.reader.peek(11) == Some(0) {
                return false;
            }
            let Some(run) = self.run(is_black) else { return false };
            at += run;
            row.push(at.min(width));
            is_black = !is_black;
        }
        true
    }

    /// Adds the changes of colour of a row that is coded by those of the one above it; false where it ends
    /// early.
    fn two_dimensional(&mut self, width: usize, above: &[usize], row: &mut Vec<usize>) -> bool {
        // The place a0 of T.6, which lies before the first pixel at first.
        let (mut at, mut is_black) = (None, false);
        while at.unwrap_or(0) < width {
            // b1: the first change above, right of a0, to the other colour.
            let mut next = at.map_or(0, |at| above.partition_point(|change| *change <= at));
            next += usize::from(next % 2 != usize::from(is_black));
            let change = |index: usize| above.get(index).copied().unwrap_or(width);
            let Some(mode) = mode::decode(&mut self.reader) else { return false };
            match mode {
                Mode::Pass => at = Some(change(next + 1)),
                Mode::Horizontal => {
                    let mut end = at.unwrap_or(0);
                    for is_black in [is_black, !is_black] {
                        let Some(run) = self.run(is_black) else { return false };
                        end = (end + run).min(width);
                        row.push(end);
                    }
                    at = Some(end);
                }
                Mode::Vertical(shift) => {
                    let Some(end) = change(next).checked_add_signed(shift.into()) else { return false };
                    if end < at.unwrap_or(0) || end > width {
                        return false;
                    }
                    row.push(end);
                    at = Some(end);
                    is_black = !is_black;
                }
                Mode::Extension => return false,
                Mode::EOF => {
                    self.ended = true;
                    return false;
                }
            }
        }
        true
    }
}

/// Unpacks rows into bits, the first pixel in the highest, 1 for black. Returns the bits and the number of
/// rows that were whole; those behind them are white.
pub(super) fn unpack(data: &[u8], coding: Coding, width: usize, rows: usize, bits: &mut [u8]) -> usize {
    let row_bytes = width.div_ceil(8);
    // A code is looked up by more bits than it may have, and the last one has none behind it.
    let padded = data.iter().copied().chain([0; 4]).map(Ok::<u8, Infallible>);
    let Ok(reader) = ByteReader::new(padded);
    let mut reader = Bits { reader, ended: false };
    let (mut above, mut row) = (Vec::new(), Vec::new());
    let mut whole = 0;
    for target in bits.chunks_exact_mut(row_bytes).take(rows) {
        row.clear();
        let complete = match coding {
            Coding::Aligned => {
                let complete = reader.one_dimensional(width, &mut row);
                let rest = reader.reader.bits_to_byte_boundary();
                reader.skip(rest);
                complete
            }
            Coding::Group3 { two_dimensional } => match reader.skip_marks(two_dimensional) {
                (true, false) => reader.two_dimensional(width, &above, &mut row),
                _ => reader.one_dimensional(width, &mut row),
            },
            Coding::Group4 => reader.two_dimensional(width, &above, &mut row),
        };
        if !complete {
            match coding {
                // White rows at the end may be left out.
                _ if reader.ended => return rows,
                Coding::Group4 | Coding::Aligned => break,
                // The next mark stands where decoding may go on.
                Coding::Group3 { .. } => {
                    while reader.reader.peek(11).is_some_and(|next| next != 0) {
                        reader.skip(1);
                    }
                    if reader.reader.peek(12).is_none() {
                        break;
                    }
                }
            }
        }
        whole += usize::from(complete);
        above.clear();
        for &change in row.iter().filter(|change| **change < width) {
            // Two changes in one place are none.
            if above.last() == Some(&change) {
                above.pop();
            } else {
                above.push(change);
            }
        }
        for run in above.chunks(2) {
            let end = run.get(1).copied().unwrap_or(width);
            (run[0]..end).for_each(|x| target[x / 8] |= 0x80 >> (x % 8));
        }
    }
    whole
}
