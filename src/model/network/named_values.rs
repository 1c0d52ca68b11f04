//! A network's numbers, seen and set one tensor at a time, by Burn's path and in PyTorch's layout: a
//! norm's gamma and beta are its weight and bias, and a linear layer's matrix is transposed.

use burn::module::{ModuleMapper, ModuleVisitor, Param};
use burn::prelude::*;
#[cfg(feature = "train")]
use burn::tensor::DType;
use std::collections::BTreeMap;

fn path_of(modules: &[String]) -> String {
    let mut path = modules.to_vec();
    if let Some(leaf) = path.last_mut() {
        match leaf.as_str() {
            "gamma" => *leaf = "weight".to_owned(),
            "beta" => *leaf = "bias".to_owned(),
            _ => {}
        }
    }
    path.join(".")
}

/// Gathers values, in the order of [`GatherShapes`].
#[cfg(feature = "train")]
#[derive(Default)]
pub(crate) struct GatherValues {
    pub(crate) found: Vec<Vec<f32>>,
}

#[cfg(feature = "train")]
impl ModuleVisitor for GatherValues {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        let tensor = if D == 2 { tensor.swap_dims(0, 1) } else { tensor };
        self.found.push(tensor.cast(DType::F32).into_data().try_into_vec().expect("cast to f32 above"));
    }
}

/// Gathers paths and shapes.
#[derive(Default)]
pub(crate) struct GatherShapes {
    path: Vec<String>,
    pub(crate) found: Vec<(String, Vec<usize>)>,
}

impl ModuleVisitor for GatherShapes {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let mut shape = param.lazy_shape().to_vec();
        if D == 2 {
            shape.reverse();
        }
        self.found.push((path_of(&self.path), shape));
    }

    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }
}

/// Sets values by path.
pub(crate) struct SetValues {
    path: Vec<String>,
    values: BTreeMap<String, Vec<f32>>,
    /// What could not be set, in words.
    pub(crate) unfit: Vec<String>,
}

impl SetValues {
    pub(crate) fn new(values: BTreeMap<String, Vec<f32>>) -> Self {
        Self { path: Vec::new(), values, unfit: Vec::new() }
    }
}

impl ModuleMapper for SetValues {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let path = path_of(&self.path);
        let shape: [usize; D] = param.lazy_shape().dims();
        let length: usize = shape.iter().product();
        let values = match self.values.remove(&path) {
            Some(values) if values.len() == length => values,
            Some(values) => {
                self.unfit.push(format!("{path} has {} values, expected {length}", values.len()));
                return param;
            }
            None => {
                self.unfit.push(format!("{path} is missing"));
                return param;
            }
        };
        let values = if D == 2 { transposed(&values, shape[0]) } else { values };
        let tensor = Tensor::from_data(TensorData::new(values, shape), &param.lazy_device());
        let mut set = Param::from_tensor(tensor);
        set.id = param.id;
        set
    }

    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }
}

/// The transpose of a matrix with so many columns.
fn transposed(matrix: &[f32], columns: usize) -> Vec<f32> {
    (0..columns).flat_map(|column| matrix.iter().skip(column).step_by(columns).copied()).collect()
}
