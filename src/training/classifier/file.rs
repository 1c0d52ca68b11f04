//! The classifier's file: safetensors with the tensors of the network, and one JSON document under
//! the metadata key `autochrome.classifier` with everything else ([`Preparation`] and the network's
//! sizes).

use super::{Classifier, ClassifierConfig, planes};
use crate::error::{Error, Result};
use crate::image::photo::Photo;
use crate::model::checkpoint::Checkpoint;
use crate::model::network::convolution::without_layer;
use crate::model::network::named_values::{GatherShapes, GatherValues};
use crate::model::weights::CLASSIFIER as KEY;
use crate::training::augmentation::middle;
use crate::training::held_out::HeldOut;
use crate::training::labels::Labels;
use burn::module::Module;
use burn::prelude::*;
use burn_store::{ModuleSnapshot, PyTorchToBurnAdapter, bridge};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// How a classifier came about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preparation {
    /// Size, widths and depths.
    pub network: ClassifierConfig,
    /// What its logits stand for, by source.
    pub labels: Labels,
    /// The photographs it never saw.
    pub held_out: HeldOut,
    /// Program and version that trained it.
    pub created_by: String,
}

/// What a classifier may be asked about a photograph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Whether it shows what stands at this place in [`Preparation::labels`].
    Asked(usize),
    /// Nothing: it has no label, or one that the classifier does not know.
    UnknownLabel,
    /// Nothing: the classifier may have learned from it.
    Learned,
}

impl Question {
    /// The place of the label, where it may be asked.
    #[must_use]
    pub fn place(self) -> Option<usize> {
        match self {
            Self::Asked(place) => Some(place),
            Self::UnknownLabel | Self::Learned => None,
        }
    }
}

/// A classifier that has learned, on a device.
#[derive(Debug)]
pub struct ClassifierFile {
    /// How it came about.
    pub preparation: Preparation,
    classifier: Classifier,
}

impl ClassifierFile {
    /// Of a network off any tape.
    #[must_use]
    pub fn new(preparation: Preparation, classifier: Classifier) -> Self {
        Self { preparation, classifier }
    }

    /// Reads a file that [`ClassifierFile::write`] wrote.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] for bytes that are no such file, [`Error::Classifier`] for a file of
    /// something else or a damaged one.
    pub fn read(bytes: &[u8], device: &Device) -> Result<Self> {
        let refuse = |problem: String| Error::Classifier(problem);
        let Checkpoint { mut tensors, strings, .. } = Checkpoint::read(bytes)?;
        let text = strings.get(KEY).ok_or_else(|| {
            let colours = strings.keys().any(|key| key.starts_with("autochrome."));
            let what = if colours { "it is a model that colours photographs" } else { "it has no metadata" };
            refuse(format!("{what}; a classifier says by {KEY} what it was trained on"))
        })?;
        let preparation: Preparation = serde_json::from_str(text)
            .map_err(|error| refuse(format!("{KEY} is not understood: {error}")))?;
        preparation.network.check()?;
        preparation.held_out.check()?;
        if preparation.labels.is_empty() {
            return Err(refuse("it knows no labels".to_owned()));
        }
        let mut classifier = preparation.network.init(preparation.labels.len(), device);
        let mut stored = Vec::new();
        for (name, shape) in shapes(&classifier) {
            let known = without_layer(&name);
            let tensor = tensors.remove(&known).ok_or_else(|| refuse(format!("{known} is missing")))?;
            if tensor.shape() != shape {
                return Err(refuse(format!("{known} is {:?}, expected {shape:?}", tensor.shape())));
            }
            stored.push(bridge::from_data(TensorData::new(tensor.values(&known)?, shape), name, None));
        }
        let applied = classifier.apply(stored, None, Some(Box::new(PyTorchToBurnAdapter)), true);
        match applied.errors.first() {
            Some(error) => Err(refuse(error.to_string())),
            None => Ok(Self { preparation, classifier }),
        }
    }

    /// The bytes of a file. The same classifier gives the same bytes.
    ///
    /// # Errors
    /// [`Error::Classifier`] where the file cannot be made.
    pub fn write(&self) -> Result<Vec<u8>> {
        let mut gather = GatherValues::default();
        self.classifier.visit(&mut gather);
        let named = shapes(&self.classifier).into_iter().map(|(path, shape)| (without_layer(&path), shape));
        let tensors: Vec<_> = named.zip(gather.found).collect();
        let unwritable = |error: &dyn std::fmt::Display| Error::Classifier(error.to_string());
        let views = tensors.iter().map(|((name, shape), values)| {
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
        shapes(&self.classifier).iter().map(|(_, shape)| shape.iter().product::<usize>()).sum()
    }

    /// What it may be asked about a photograph: of its path, source and label.
    #[must_use]
    pub fn question(&self, path: &str, source: &str, label: Option<&str>) -> Question {
        let Preparation { labels, held_out, .. } = &self.preparation;
        match label.and_then(|label| labels.place(source, label)) {
            None => Question::UnknownLabel,
            Some(place) if held_out.holds(path) => Question::Asked(place),
            Some(_) => Question::Learned,
        }
    }

    /// For each photograph the likeliest of the labels of one source: that of the label at the place
    /// given beside it. Of a photograph it sees the middle square.
    ///
    /// # Panics
    /// If there is no such label, or no photograph.
    #[must_use]
    pub fn recognise(&self, photographs: &[(&Photo, usize)]) -> Vec<usize> {
        let side = self.preparation.network.input;
        let rgb: Vec<u8> = photographs.iter().flat_map(|(photo, _)| middle(photo, side)).collect();
        let device = self.classifier.devices().into_iter().next().unwrap_or_default();
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

/// Burn's path and PyTorch's shape of every tensor.
fn shapes(classifier: &Classifier) -> Vec<(String, Vec<usize>)> {
    let mut gather = GatherShapes::default();
    classifier.visit(&mut gather);
    gather.found
}
