//! Output of a learner: the model, and the state that a run resumes from.

use super::Learner;
use crate::error::{Error, Result};
use crate::model::weights::{HostTensor, Metadata, ModelFile};
use crate::training::network_with_head::NetworkWithHead;
use crate::training::optimizer::Moments;
use crate::training::tape::{Flat, Trainable};
use burn::prelude::*;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use std::collections::{BTreeMap, HashMap};

impl Learner {
    /// The model: the averaged weights where there is an average, else the weights themselves.
    #[must_use]
    pub fn model(&self, metadata: Metadata) -> ModelFile {
        let network = self.average.as_ref().unwrap_or(&self.network);
        let tensors = self.tape.untaped(|| network.base.valid().export());
        let tensors =
            tensors.into_iter().map(|(name, shape, values)| (name, HostTensor { shape, values })).collect();
        let class_weights =
            self.class_weights.as_ref().map(|weights| weights.iter().map(|w| *w as f32).collect());
        ModelFile { metadata, tensors, class_weights, origin: None }
    }

    /// The state that the next step depends on, as a safetensors file.
    ///
    /// # Errors
    /// [`Error::ModelFormat`] where the file cannot be written.
    pub fn save(&self) -> Result<Vec<u8>> {
        let mut tensors: BTreeMap<String, Vec<f32>> = BTreeMap::new();
        let mut add = |group: &str, flat: Flat| {
            for (path, tensor) in flat {
                let values = tensor.into_data().try_into_vec().expect("training is in f32");
                tensors.insert(format!("{group}/{path}"), values);
            }
        };
        self.tape.untaped(|| {
            // `valid` brings running statistics up to date, which changes no number.
            add("network", self.tape.flat(&self.network.valid()));
            if let Some(average) = &self.average {
                add("average", self.tape.flat(average));
            }
            for (path, Moments { first, second }) in &self.optimizer.moments {
                add("first", Flat::from([(path.clone(), first.clone())]));
                add("second", Flat::from([(path.clone(), second.clone())]));
            }
        });
        let views = tensors.iter().map(|(name, values)| {
            let view = TensorView::new(Dtype::F32, vec![values.len()], bytemuck::cast_slice(values));
            view.map(|view| (name.as_str(), view))
        });
        let views = views.collect::<std::result::Result<Vec<_>, _>>().map_err(unwritable)?;
        let strings = HashMap::from([("step".to_owned(), self.step.to_string())]);
        safetensors::serialize(views, Some(strings)).map_err(unwritable)
    }

    /// Restores a state that [`Learner::save`] wrote. On the CPU a resumed run is the same to the last bit.
    ///
    /// # Errors
    /// [`Error::ModelFormat`] for a file of another network or objective, or a damaged one.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<()> {
        let damaged = |error: &dyn std::fmt::Display| Error::ModelFormat(format!("checkpoint: {error}"));
        let file = SafeTensors::deserialize(bytes).map_err(|error| damaged(&error))?;
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| damaged(&error))?;
        let step = header.metadata().as_ref().and_then(|strings| strings.get("step"));
        let step =
            step.and_then(|step| step.parse().ok()).ok_or_else(|| damaged(&"it does not say its step"))?;
        let mut groups: BTreeMap<String, BTreeMap<String, Vec<f32>>> = BTreeMap::new();
        for (name, view) in file.iter() {
            let (group, path) = name.split_once('/').ok_or_else(|| damaged(&name))?;
            let values = bytemuck::pod_collect_to_vec::<u8, f32>(view.data());
            groups.entry(group.to_owned()).or_default().insert(path.to_owned(), values);
        }
        let mut group = |name: &str| groups.remove(name).unwrap_or_default();
        let (network, average) = (group("network"), group("average"));
        let (first, mut second) = (group("first"), group("second"));
        let fits = |values: &BTreeMap<String, Vec<f32>>| {
            let own = self.tape.flat(&self.network);
            own.len() == values.len()
                && own.iter().all(|(path, t)| values.get(path).is_some_and(|v| v.len() == t.dims()[0]))
        };
        if !fits(&network) || (self.average.is_some() && !fits(&average)) {
            return Err(damaged(&"it is of another network; start afresh or use its own configuration"));
        }
        let device = self.device.clone();
        let tensor = |values: Vec<f32>| {
            let length = values.len();
            Tensor::<1>::from_data(TensorData::new(values, [length]), &device)
        };
        self.optimizer.moments = first
            .into_iter()
            .filter_map(|(path, first)| {
                let second = second.remove(&path)?;
                Some((path, Moments { first: tensor(first), second: tensor(second) }))
            })
            .collect();
        let put = |onto: NetworkWithHead, mut values: BTreeMap<String, Vec<f32>>| {
            self.tape.change(onto, false, |path, _, _| values.remove(path).map(&tensor))
        };
        self.network = self.tape.record(put(self.blank(), network), |path| self.encoder.is_frozen(path));
        if self.average.is_some() {
            self.average = Some(put(self.blank(), average));
        }
        self.step = step;
        Ok(())
    }
}

fn unwritable(error: safetensors::SafeTensorError) -> Error {
    Error::ModelFormat(format!("checkpoint: {error}"))
}
