//! Classifier files: safetensors with the tensors of the network, and all else ([`Preparation`]) as a JSON
//! document under the metadata key `autochrome.classifier`.

use super::{Classifier, ClassifierConfig, planes};
use crate::error::Error;
use crate::image::photo::Photo;
use crate::model::checkpoint::Checkpoint;
use crate::model::weights::CLASSIFIER as KEY;
use crate::training::augmentation::middle;
use crate::training::error::{Result, TrainingError};
use crate::training::held_out::HeldOut;
use crate::training::labels::Labels;
use burn::prelude::*;
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// Architecture and training of a classifier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preparation {
    /// Input size, widths and depths.
    pub network: ClassifierConfig,
    /// The labels that its logits stand for, by source.
    pub labels: Labels,
    /// The photographs held out from its training.
    pub held_out: HeldOut,
    /// Program and version that trained it.
    pub created_by: String,
}

/// Whether a photograph can be used to test recognition, and for which label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// It can, for the label at this index of [`Preparation::labels`].
    Asked(usize),
    /// It cannot: it has no label, or one that the classifier does not know.
    UnknownLabel,
    /// It cannot: the classifier may have been trained on it.
    Learned,
}

impl Question {
    /// Index of the label, where the photograph can be used.
    #[must_use]
    pub fn place(self) -> Option<usize> {
        match self {
            Self::Asked(place) => Some(place),
            Self::UnknownLabel | Self::Learned => None,
        }
    }
}

/// A trained classifier on a device.
#[derive(Debug)]
pub struct ClassifierFile {
    /// Its architecture and training.
    pub preparation: Preparation,
    classifier: Classifier,
}

impl ClassifierFile {
    /// A file's contents, of a network off any tape.
    #[must_use]
    pub fn new(preparation: Preparation, classifier: Classifier) -> Self {
        Self { preparation, classifier }
    }

    /// Reads a file that [`ClassifierFile::write`] wrote.
    ///
    /// # Errors
    /// [`Error::Checkpoint`](crate::Error::Checkpoint) for bytes that are no such file, [`TrainingError::Classifier`] for a file of
    /// something else or a damaged one.
    pub fn read(bytes: &[u8], device: &Device) -> Result<Self> {
        let refuse = |problem: String| TrainingError::Classifier(problem);
        let Checkpoint { mut tensors, strings, .. } = Checkpoint::read(bytes).map_err(Error::from)?;
        let text = strings.get(KEY).ok_or_else(|| {
            let colors = strings.keys().any(|key| key.starts_with("autochrome."));
            let what = if colors { "it is a model that colours photographs" } else { "it has no metadata" };
            refuse(format!("{what}; a classifier says by {KEY} what it was trained on"))
        })?;
        let preparation: Preparation = serde_json::from_str(text)
            .map_err(|error| refuse(format!("{KEY} is not understood: {error}")))?;
        preparation.network.check()?;
        preparation.held_out.check()?;
        if preparation.labels.is_empty() {
            return Err(refuse("it knows no labels".to_owned()));
        }
        let labels = preparation.labels.len();
        let mut values = BTreeMap::new();
        for (name, shape) in preparation.network.architecture(labels).tensors() {
            let tensor = tensors.remove(&name).ok_or_else(|| refuse(format!("{name} is missing")))?;
            if tensor.shape() != shape {
                return Err(refuse(format!("{name} is {:?}, expected {shape:?}", tensor.shape())));
            }
            values.insert(name.clone(), tensor.values(&name)?);
        }
        let Classifier(network) = preparation.network.init(labels, device);
        Ok(Self { preparation, classifier: Classifier(network.load(values).map_err(refuse)?) })
    }

    /// The bytes of a file; equal for equal classifiers.
    ///
    /// # Errors
    /// [`TrainingError::Classifier`] where the file cannot be made.
    pub fn write(&self) -> Result<Vec<u8>> {
        let Classifier(network) = &self.classifier;
        let tensors = network.export();
        let unwritable = |error: &dyn std::fmt::Display| TrainingError::Classifier(error.to_string());
        let views = tensors.iter().map(|(name, shape, values)| {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytemuck::cast_slice(values));
            view.map(|view| (name.as_str(), view))
        });
        let views = views.collect::<Result<Vec<_>, _>>().map_err(|error| unwritable(&error))?;
        let text = serde_json::to_string(&self.preparation).map_err(|error| unwritable(&error))?;
        let strings = HashMap::from([(KEY.to_owned(), text)]);
        safetensors::serialize(views, Some(strings)).map_err(|error| unwritable(&error))
    }

    /// Number of weights.
    #[must_use]
    pub fn parameters(&self) -> usize {
        let tensors = self.preparation.network.architecture(self.preparation.labels.len()).tensors();
        tensors.values().map(|shape| shape.iter().product::<usize>()).sum()
    }

    /// Whether a photograph, given by its path, source and label, can be used to test recognition.
    #[must_use]
    pub fn question(&self, path: &str, source: &str, label: Option<&str>) -> Question {
        let Preparation { labels, held_out, .. } = &self.preparation;
        match label.and_then(|label| labels.place(source, label)) {
            None => Question::UnknownLabel,
            Some(place) if held_out.holds(path) => Question::Asked(place),
            Some(_) => Question::Learned,
        }
    }

    /// For each photograph the index of the likeliest label among those of one source, the source of the
    /// label whose index is given with the photograph. The input is the photograph's middle square.
    ///
    /// # Panics
    /// If there is no such label, or no photograph.
    #[must_use]
    pub fn recognize(&self, photographs: &[(&Photo, usize)]) -> Vec<usize> {
        let side = self.preparation.network.input;
        let rgb: Vec<u8> = photographs.iter().flat_map(|(photo, _)| middle(photo, side)).collect();
        let device = self.classifier.0.device().unwrap_or_default();
        let logits = self.classifier.forward(planes(&rgb, side, &device));
        let logits: Vec<f32> = logits.into_data().try_into_vec().expect("a classifier is f32");
        let rows = logits.chunks_exact(self.preparation.labels.len());
        let likeliest = |(row, (_, label)): (&[f32], &(&Photo, usize))| {
            let own = self.preparation.labels.siblings(*label);
            own.max_by(|a, b| row[*a].total_cmp(&row[*b])).expect("a source has labels")
        };
        rows.zip(photographs).map(likeliest).collect()
    }
}
