//! Cross-entropy of labels, and its gradient.

use super::Labels;
use burn::prelude::*;
use burn::tensor::activation::softmax;

/// Added to the logits of other sources, so that their probability is 0.
const OTHER_SOURCES_LOGIT: f32 = -1e9;

impl Labels {
    /// Mean cross-entropy over a batch, `[1]`, nats, and its gradient at `logits` `[batch, labels, 1, 1]`,
    /// which are off any tape: `(softmax(z) - t) / batch` over the labels of each photograph's own
    /// source, 0 elsewhere. t is 1 at the label, except for `smoothing`, the fraction that is spread evenly
    /// over all labels of the source (Szegedy et al. 2016). A photograph without a label contributes
    /// nothing.
    ///
    /// # Panics
    /// If `shown` has not one entry for each photograph, or an index is out of range.
    pub(in crate::training) fn compare(
        &self,
        logits: &Tensor<4>,
        shown: impl ExactSizeIterator<Item = Option<usize>>,
        smoothing: f64,
    ) -> (Tensor<1>, Tensor<4>) {
        let ([batch, width, ..], device) = (logits.dims(), logits.device());
        assert_eq!(shown.len(), batch, "a label or none for each photograph");
        let mut target = vec![0.0f32; batch * width];
        let mut others = vec![OTHER_SOURCES_LOGIT; batch * width];
        let mut asked = vec![0.0f32; batch];
        let rows = target.chunks_exact_mut(width).zip(others.chunks_exact_mut(width));
        for (((target, others), asked), shown) in rows.zip(&mut asked).zip(shown) {
            let Some(label) = shown else { continue };
            let own = self.siblings(label);
            target[own.clone()].fill((smoothing / own.len() as f64) as f32);
            target[label] += (1.0 - smoothing) as f32;
            others[own].fill(0.0);
            *asked = 1.0;
        }
        let tensor =
            |values, columns| Tensor::<2>::from_data(TensorData::new(values, [batch, columns]), &device);
        let (target, others, asked) = (tensor(target, width), tensor(others, width), tensor(asked, 1));
        let p = softmax(logits.clone().reshape([batch, width]) + others, 1);
        let loss = (p.clone().clamp_min(1e-30).log() * target.clone()).sum() / -(batch as f32);
        let gradient = (p * asked - target) / batch as f32;
        (loss, gradient.reshape([batch, width, 1, 1]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against sums written out in f64: two sources of two and three labels, one photograph of neither.
    #[test]
    fn only_the_labels_of_a_photographs_own_source_compete() {
        let names = ["a/x", "a/y", "b/p", "b/q", "b/r"];
        let labels = Labels::of(names.map(|name| (&name[..1], name)), 1);
        let shown = [Some(3), None, Some(0)];
        let logits: Vec<f32> = (0..15).map(|i| ((i * 7 % 11) as f32 - 5.0) * 0.6).collect();
        let tensor = Tensor::<4>::from_data(TensorData::new(logits.clone(), [3, 5, 1, 1]), &Device::flex());
        for smoothing in [0.0, 0.3] {
            let (loss, gradient) = labels.compare(&tensor, shown.into_iter(), smoothing);
            let gradient: Vec<f32> = gradient.into_data().try_into_vec().unwrap();
            let mut expected_loss = 0.0;
            for (photograph, shown) in shown.into_iter().enumerate() {
                let own = match shown {
                    None => 0..0,
                    Some(label) if label < 2 => 0..2,
                    Some(_) => 2..5,
                };
                let z = |label: usize| f64::from(logits[photograph * 5 + label]);
                let sum: f64 = own.clone().map(|label| z(label).exp()).sum();
                for label in 0..5 {
                    let expected = if own.contains(&label) {
                        let even = smoothing / own.len() as f64;
                        let target = even + if shown == Some(label) { 1.0 - smoothing } else { 0.0 };
                        expected_loss -= target * (z(label).exp() / sum).ln() / 3.0;
                        (z(label).exp() / sum - target) / 3.0
                    } else {
                        0.0
                    };
                    let found = f64::from(gradient[photograph * 5 + label]);
                    assert!(
                        (found - expected).abs() < 1e-6,
                        "{photograph}, {label}: {found}, not {expected}"
                    );
                }
            }
            let loss: Vec<f32> = loss.into_data().try_into_vec().unwrap();
            assert!((f64::from(loss[0]) - expected_loss).abs() < 1e-5, "{loss:?}, not {expected_loss}");
        }
    }
}
