//! Interpolation of two models' weights. Two stages of one training err in different ways, and their mean
//! has a lower error than either (Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022).

use crate::error::{Error, Result};
use crate::model::weights::ModelFile;

/// Interpolates from the weights of `model` (`share` 0) to those of `other` (`share` 1). Class weights are
/// interpolated by their logarithms, since it is these that logits contain. The metadata is that of `model`.
///
/// # Errors
/// [`Error::Parameter`] for another share, [`Error::ModelTensors`] where the networks differ.
pub fn blend(mut model: ModelFile, other: &ModelFile, share: f64) -> Result<ModelFile> {
    if !(0.0..=1.0).contains(&share) {
        return Err(Error::Parameter { name: "start_share", value: share.to_string(), range: "from 0 to 1" });
    }
    for (name, tensor) in &mut model.tensors {
        let theirs = other.tensors.get(name).filter(|theirs| theirs.shape == tensor.shape);
        let Some(theirs) = theirs else {
            return Err(Error::ModelTensors {
                network: other.metadata.network.name().to_owned(),
                differences: format!("{name}: of shape {:?} in one model, not in the other", tensor.shape),
            });
        };
        for (ours, theirs) in tensor.values.iter_mut().zip(&theirs.values) {
            let (from, to) = (f64::from(*ours), f64::from(*theirs));
            *ours = (from + (to - from) * share) as f32;
        }
    }
    if let (Some(ours), Some(theirs)) = (&mut model.class_weights, &other.class_weights) {
        for (ours, theirs) in ours.iter_mut().zip(theirs) {
            // The mean of the logarithms as a product of powers, since a weight may be 0.
            *ours = (f64::from(*ours).powf(1.0 - share) * f64::from(*theirs).powf(share)) as f32;
        }
    }
    Ok(model)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::network::{Eccv16Config, NetworkConfig};
    use crate::model::weights::{HostTensor, Metadata};

    fn model(values: [f32; 2], class_weight: f32) -> ModelFile {
        let network = NetworkConfig::Eccv16(Eccv16Config::default());
        ModelFile {
            metadata: Metadata::for_network(network),
            tensors: [("a".to_owned(), HostTensor { shape: vec![2], values: values.to_vec() })].into(),
            class_weights: Some(vec![class_weight]),
            origin: None,
        }
    }

    #[test]
    fn weights_are_mixed_and_class_weights_by_their_logarithms() {
        let (ours, theirs) = (model([1.0, -2.0], 1.0), model([3.0, 2.0], 4.0));
        let mixed = blend(ours.clone(), &theirs, 0.5).unwrap();
        assert_eq!(mixed.tensors["a"].values, [2.0, 0.0]);
        assert!((mixed.class_weights.unwrap()[0] - 2.0).abs() < 1e-6);
        assert_eq!(blend(ours.clone(), &theirs, 0.0).unwrap(), ours);
        assert_eq!(blend(ours.clone(), &theirs, 1.0).unwrap().tensors, theirs.tensors);
        for share in [-0.1, 1.1, f64::NAN] {
            assert_eq!(blend(ours.clone(), &theirs, share).unwrap_err().code(), "invalid-argument");
        }
    }

    /// The weight of a colour that the photographs do not have.
    #[test]
    fn a_class_weight_of_zero_stays_a_number() {
        let (ours, theirs) = (model([0.0; 2], 0.0), model([0.0; 2], 4.0));
        for (a, b) in [(&ours, &theirs), (&theirs, &ours), (&ours, &ours)] {
            assert_eq!(blend(a.clone(), b, 0.5).unwrap().class_weights, Some(vec![0.0]));
        }
    }

    #[test]
    fn another_network_is_refused() {
        let mut other = model([0.0; 2], 1.0);
        other.tensors.get_mut("a").unwrap().shape = vec![2, 1];
        let error = blend(model([0.0; 2], 1.0), &other, 0.5).unwrap_err();
        assert!(error.code() == "model-format" && error.to_string().contains("a: of shape [2]"), "{error}");
    }
}
