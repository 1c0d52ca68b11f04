//! Labels of photographs, by source, for classification.

mod cross_entropy;

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Range;

/// Labels, each of one source. A label's index, its place, counts in the order of the sources and of the
/// labels within each.
///
/// Labels of different sources overlap: one source says "dog" where another names the breed. A photograph is
/// therefore classified among the labels of its own source only, in training and in evaluation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Labels {
    by_source: BTreeMap<String, Vec<String>>,
}

impl Labels {
    /// The labels of photographs, each given by its source and its label (unique over all sources). Labels of
    /// fewer than `least` photographs are left out, and then sources of fewer than two labels, among which
    /// there is nothing to choose.
    #[must_use]
    pub fn of<'a>(photographs: impl IntoIterator<Item = (&'a str, &'a str)>, least: usize) -> Self {
        let mut counts: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
        for (source, label) in photographs {
            *counts.entry(source).or_default().entry(label).or_default() += 1;
        }
        let by_source = counts.into_iter().filter_map(|(source, counts)| {
            let labels = counts.into_iter().filter(|(_, count)| *count >= least);
            let labels: Vec<String> = labels.map(|(label, _)| label.to_owned()).collect();
            (labels.len() > 1).then(|| (source.to_owned(), labels))
        });
        Self { by_source: by_source.collect() }
    }

    /// Number of labels.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_source.values().map(Vec::len).sum()
    }

    /// Whether there are no labels.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The sources and their labels.
    pub fn sources(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.by_source.iter().map(|(source, labels)| (source.as_str(), labels.as_slice()))
    }

    /// Index of a source's label; `None` for an unknown one.
    #[must_use]
    pub fn place(&self, source: &str, label: &str) -> Option<usize> {
        let at = self.by_source.get(source)?.iter().position(|known| known == label)?;
        let before = self.by_source.iter().take_while(|(other, _)| *other != source);
        Some(before.map(|(_, labels)| labels.len()).sum::<usize>() + at)
    }

    /// Indices of all labels of the source to which the label at index `place` belongs.
    ///
    /// # Panics
    /// If there is no such label.
    #[must_use]
    pub fn siblings(&self, place: usize) -> Range<usize> {
        let mut begin = 0;
        for labels in self.by_source.values() {
            let end = begin + labels.len();
            if place < end {
                return begin..end;
            }
            begin = end;
        }
        panic!("label {place} of {begin}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_numbered_by_source_and_rare_ones_left_out() {
        let photographs = [
            ("pets", "pets/dog"),
            ("cars", "cars/car"),
            ("pets", "pets/cat"),
            ("dogs", "dogs/pug"),
            ("pets", "pets/dog"),
            ("pets", "pets/cat"),
            ("dogs", "dogs/collie"),
            ("dogs", "dogs/pug"),
            ("cars", "cars/car"),
        ];
        let all = Labels::of(photographs, 1);
        assert_eq!(all.len(), 4, "one label asks nothing");
        let at = |labels: &Labels, label: &str| labels.place(label.split('/').next().unwrap(), label);
        let places = ["dogs/collie", "dogs/pug", "pets/cat", "pets/dog"].map(|label| at(&all, label));
        assert_eq!(places, [0, 1, 2, 3].map(Some));
        assert_eq!([0, 1, 2, 3].map(|place| all.siblings(place)), [0..2, 0..2, 2..4, 2..4]);
        assert_eq!((at(&all, "cars/car"), all.place("dogs", "pets/cat")), (None, None));

        let common = Labels::of(photographs, 2);
        assert_eq!((common.len(), at(&common, "pets/cat"), at(&common, "dogs/pug")), (2, Some(0), None));
        assert!(Labels::of([], 1).is_empty());
    }
}
