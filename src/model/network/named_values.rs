//! A network's numbers, seen and set one tensor at a time, by their names in files and in PyTorch's layout:
//! a norm's gamma and beta are its weight and bias, and a linear layer's matrix is transposed.

#[cfg(feature = "train")]
use burn::module::ModuleVisitor;
use burn::module::{ModuleMapper, Param};
use burn::prelude::*;
#[cfg(feature = "train")]
use burn::tensor::DType;
use std::collections::BTreeMap;

/// The name in files of the tensor at a path of modules.
pub(crate) fn file_name(modules: &[String]) -> String {
    let mut path = modules.join(".");
    for (burns, pytorchs) in [(".gamma", ".weight"), (".beta", ".bias")] {
        if let Some(stem) = path.strip_suffix(burns) {
            path = format!("{stem}{pytorchs}");
        }
    }
    path
}

/// Gathers names, shapes and values.
#[cfg(feature = "train")]
#[derive(Default)]
pub(super) struct GatherValues {
    path: Vec<String>,
    pub(super) found: Vec<(String, Vec<usize>, Vec<f32>)>,
}

#[cfg(feature = "train")]
impl ModuleVisitor for GatherValues {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        let tensor = if D == 2 { tensor.swap_dims(0, 1) } else { tensor };
        let shape = tensor.dims().to_vec();
        let values = tensor.cast(DType::F32).into_data().try_into_vec().expect("cast to f32 above");
        self.found.push((file_name(&self.path), shape, values));
    }

    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }
}

/// Sets values by name.
pub(super) struct SetValues {
    path: Vec<String>,
    values: BTreeMap<String, Vec<f32>>,
    /// The tensors that could not be set, with the reason.
    pub(super) unfit: Vec<String>,
}

impl SetValues {
    pub(super) fn new(values: BTreeMap<String, Vec<f32>>) -> Self {
        Self { path: Vec::new(), values, unfit: Vec::new() }
    }
}

impl ModuleMapper for SetValues {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = file_name(&self.path);
        let shape: [usize; D] = param.lazy_shape().dims();
        let length: usize = shape.iter().product();
        let values = match self.values.remove(&name) {
            Some(values) if values.len() == length => values,
            Some(values) => {
                self.unfit.push(format!("{name} has {} values, expected {length}", values.len()));
                return param;
            }
            None => {
                self.unfit.push(format!("{name} is missing"));
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
