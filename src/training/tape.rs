//! Automatic differentiation: by Burn's tape, or by libtorch's beneath Burn's tensors.

use crate::model::network::Network;
use crate::model::network::named_values::file_name;
use burn::module::{Flag, ModuleMapper, ModuleVisitor, Param};
use burn::prelude::*;
use burn::tensor::DType;
use std::collections::BTreeMap;

/// Flattened tensors by their names in files.
pub(crate) type Flat = BTreeMap<String, Tensor<1>>;

/// The value of a tensor of one element, brought to the host; NaN for an empty one.
pub(super) fn number(tensor: &Tensor<1>) -> f64 {
    let values: Vec<f32> = tensor.to_data().convert::<f32>().try_into_vec().expect("converted to f32");
    values.first().copied().map_or(f64::NAN, f64::from)
}

/// A network that can be trained: its tensors can be visited, changed and put on a tape.
pub(crate) trait Trainable: Sized {
    /// Visits every tensor.
    fn visit(&self, visitor: &mut impl ModuleVisitor);

    /// Changes every tensor.
    fn map(self, mapper: &mut impl ModuleMapper) -> Self;

    /// The same weights on Burn's tape.
    fn train(self) -> Self;

    /// The same weights off Burn's tape, with running statistics up to date.
    fn valid(&self) -> Self;
}

impl Trainable for Network {
    fn visit(&self, visitor: &mut impl ModuleVisitor) {
        self.visit_tensors(visitor);
    }

    fn map(self, mapper: &mut impl ModuleMapper) -> Self {
        self.map_tensors(mapper)
    }

    fn train(self) -> Self {
        self.on_tape()
    }

    fn valid(&self) -> Self {
        self.off_tape()
    }
}

/// The library that records operations on the weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tape {
    /// Burn, on any of its backends.
    Burn,
    /// libtorch, which is faster on its own tensors; see `kernels::libtorch`.
    #[cfg(feature = "libtorch")]
    Libtorch,
}

impl Tape {
    /// The tape of a device.
    #[must_use]
    pub(crate) fn of(device: &Device) -> Self {
        #[cfg(feature = "libtorch")]
        if crate::kernels::libtorch::holds(&Tensor::<1>::zeros([1], device)) {
            return Self::Libtorch;
        }
        let _ = device;
        Self::Burn
    }

    /// A network whose weights are recorded, except for those of frozen names; norms there use their running
    /// statistics and do not update them.
    pub(crate) fn record<N: Trainable>(self, network: N, is_frozen: impl Fn(&str) -> bool) -> N {
        match self {
            Self::Burn => network.train().map(&mut Freeze { is_frozen, path: Vec::new() }),
            #[cfg(feature = "libtorch")]
            Self::Libtorch => network.map(&mut Watch { is_frozen, path: Vec::new() }),
        }
    }

    /// A tensor taken off the tape.
    #[must_use]
    pub(crate) fn plain<const D: usize>(self, tensor: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Burn => tensor.inner(),
            #[cfg(feature = "libtorch")]
            Self::Libtorch => crate::kernels::libtorch::detach(tensor),
        }
    }

    /// A tensor as an input of recorded operations.
    #[must_use]
    pub(crate) fn input<const D: usize>(self, tensor: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Burn => Tensor::from_inner(tensor),
            #[cfg(feature = "libtorch")]
            Self::Libtorch => tensor,
        }
    }

    /// A weight that is recorded.
    fn leaf<const D: usize>(self, tensor: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Burn => Tensor::from_inner(tensor).require_grad(),
            #[cfg(feature = "libtorch")]
            Self::Libtorch => crate::kernels::libtorch::watch(tensor).expect("a tensor of libtorch"),
        }
    }

    /// Gradients of the network's weights, given outputs with the gradients at them.
    ///
    /// # Panics
    /// If there is no output.
    pub(crate) fn gradients<N: Trainable>(
        self,
        network: &N,
        outputs: impl IntoIterator<Item = (Tensor<4>, Tensor<4>)>,
    ) -> Flat {
        // The gradient of this sum at an output is the given one.
        let products = outputs.into_iter().map(|(output, gradient)| {
            let gradient = gradient.cast(output.dtype());
            (output * self.input(gradient)).sum().cast(DType::F32)
        });
        let sum = products.reduce(|a, b| a + b).expect("a network has an output");
        match self {
            Self::Burn => {
                let mut gradients = sum.backward();
                let mut gather = Gather::new(|tensor| tensor.grad_remove_flat(&mut gradients));
                network.visit(&mut gather);
                gather.found
            }
            #[cfg(feature = "libtorch")]
            Self::Libtorch => {
                crate::kernels::libtorch::backward(sum);
                let mut gather = Gather::new(|tensor| tensor.torch_gradient_flat());
                network.visit(&mut gather);
                gather.found
            }
        }
    }

    /// Runs `f`, which changes weights, without recording.
    pub(crate) fn untaped<T>(self, f: impl FnOnce() -> T) -> T {
        match self {
            Self::Burn => f(),
            #[cfg(feature = "libtorch")]
            Self::Libtorch => crate::kernels::libtorch::untaped(f),
        }
    }

    /// All tensors of a network, flattened and off the tape.
    pub(crate) fn flat(self, network: &impl Trainable) -> Flat {
        let mut gather = Gather::new(|tensor| Some(tensor.plain_flat(self)));
        network.visit(&mut gather);
        gather.found
    }

    /// Copies a network's weights into `fresh`, a network of the same architecture off the tape.
    pub(crate) fn copy<N: Trainable>(self, network: &N, fresh: N) -> N {
        self.untaped(|| {
            let mut values = self.flat(&network.valid());
            self.change(fresh, false, |path, _, _| values.remove(path).map(|value| value * 1.0))
        })
    }

    /// Replaces tensors: `change` gets the name, the flattened tensor off the tape and whether it has
    /// more than one axis, and returns the new values, or `None` to keep the old ones.
    pub(crate) fn change<N: Trainable>(
        self,
        network: N,
        record: bool,
        change: impl FnMut(&str, Tensor<1>, bool) -> Option<Tensor<1>>,
    ) -> N {
        self.untaped(|| network.map(&mut Change { tape: self, record, change, path: Vec::new() }))
    }
}

/// Flattening of a tensor of any number of axes, as an object-safe trait.
trait Flatten {
    fn grad_remove_flat(&self, gradients: &mut burn::tensor::Gradients) -> Option<Tensor<1>>;
    #[cfg(feature = "libtorch")]
    fn torch_gradient_flat(&self) -> Option<Tensor<1>>;
    fn plain_flat(&self, tape: Tape) -> Tensor<1>;
}

impl<const D: usize> Flatten for Tensor<D> {
    fn grad_remove_flat(&self, gradients: &mut burn::tensor::Gradients) -> Option<Tensor<1>> {
        let length = self.shape().num_elements();
        self.grad_remove(gradients).map(|gradient| gradient.reshape([length]))
    }

    #[cfg(feature = "libtorch")]
    fn torch_gradient_flat(&self) -> Option<Tensor<1>> {
        let length = self.shape().num_elements();
        crate::kernels::libtorch::gradient(self).map(|gradient| gradient.reshape([length]))
    }

    fn plain_flat(&self, tape: Tape) -> Tensor<1> {
        let length = self.shape().num_elements();
        tape.plain(self.clone()).reshape([length])
    }
}

/// A visitor that gathers flattened tensors.
struct Gather<F> {
    ask: F,
    path: Vec<String>,
    found: Flat,
}

impl<F: FnMut(&dyn Flatten) -> Option<Tensor<1>>> Gather<F> {
    fn new(ask: F) -> Self {
        Self { ask, path: Vec::new(), found: Flat::new() }
    }
}

impl<F: FnMut(&dyn Flatten) -> Option<Tensor<1>>> ModuleVisitor for Gather<F> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(flat) = (self.ask)(&param.val()) {
            self.found.insert(file_name(&self.path), flat);
        }
    }

    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }
}

/// A mapper that replaces tensors.
struct Change<F> {
    tape: Tape,
    record: bool,
    change: F,
    path: Vec<String>,
}

impl<F: FnMut(&str, Tensor<1>, bool) -> Option<Tensor<1>>> ModuleMapper for Change<F> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, tensor, mapper) = param.consume();
        let shape = tensor.shape();
        let flat = tensor.plain_flat(self.tape);
        let tensor = match (self.change)(&file_name(&self.path), flat, D > 1) {
            None => tensor,
            Some(successor) => {
                let successor = successor.reshape(shape);
                if self.record { self.tape.leaf(successor) } else { successor }
            }
        };
        Param::from_mapped_value(id, tensor, mapper)
    }

    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }
}

/// A mapper that takes frozen weights off Burn's tape.
struct Freeze<F> {
    is_frozen: F,
    path: Vec<String>,
}

impl<F: Fn(&str) -> bool> Freeze<F> {
    fn here(&self) -> bool {
        (self.is_frozen)(&file_name(&self.path))
    }
}

impl<F: Fn(&str) -> bool> ModuleMapper for Freeze<F> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.here() { param.set_require_grad(false) } else { param }
    }

    /// The flag of a norm, whether it learns.
    fn map_flag(&mut self, flag: Param<Flag>) -> Param<Flag> {
        if self.here() { flag.with_value(false) } else { flag }
    }

    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }
}

/// A mapper that puts weights on libtorch's tape; running statistics are updated outside of it.
#[cfg(feature = "libtorch")]
struct Watch<F> {
    is_frozen: F,
    path: Vec<String>,
}

#[cfg(feature = "libtorch")]
impl<F: Fn(&str) -> bool> ModuleMapper for Watch<F> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let running = self.path.last().is_some_and(|name| name.starts_with("running_"));
        if running || (self.is_frozen)(&file_name(&self.path)) {
            return param;
        }
        let (id, tensor, mapper) = param.consume();
        Param::from_mapped_value(id, Tape::Libtorch.leaf(tensor), mapper)
    }

    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }
}
