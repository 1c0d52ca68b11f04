//! Where gradients come from: Burn's own tape, or libtorch's beneath Burn's tensors.

use crate::model::network::Network;
use crate::model::network::convolution::without_layer;
use burn::module::{Flag, ModuleMapper, ModuleVisitor, Param};
use burn::prelude::*;
use burn::tensor::DType;
use std::collections::BTreeMap;

/// Flat tensors by Burn's path, without the step into a layer.
pub type Flat = BTreeMap<String, Tensor<1>>;

/// A network that can be put on a tape: every tensor of it can be seen and changed.
pub(crate) trait Trainable: Sized {
    /// Lets a visitor see every tensor.
    fn visit(&self, visitor: &mut impl ModuleVisitor);

    /// Changes every tensor.
    fn map(self, mapper: &mut impl ModuleMapper) -> Self;

    /// The same weights on Burn's tape.
    fn train(self) -> Self;

    /// The same weights off Burn's tape, every running statistic up to date.
    fn valid(&self) -> Self;
}

impl Trainable for Network {
    fn visit(&self, visitor: &mut impl ModuleVisitor) {
        match self {
            Self::Eccv16(n) => n.visit(visitor),
            Self::Siggraph17(n) => n.visit(visitor),
            Self::Unet(n) => n.visit(visitor),
            Self::Lite(n) => n.visit(visitor),
        }
    }

    fn map(self, mapper: &mut impl ModuleMapper) -> Self {
        match self {
            Self::Eccv16(n) => Self::Eccv16(Box::new(n.map(mapper))),
            Self::Siggraph17(n) => Self::Siggraph17(Box::new(n.map(mapper))),
            Self::Unet(n) => Self::Unet(Box::new(n.map(mapper))),
            Self::Lite(n) => Self::Lite(Box::new(n.map(mapper))),
        }
    }

    fn train(self) -> Self {
        match self {
            Self::Eccv16(n) => Self::Eccv16(Box::new(n.train())),
            Self::Siggraph17(n) => Self::Siggraph17(Box::new(n.train())),
            Self::Unet(n) => Self::Unet(Box::new(n.train())),
            Self::Lite(n) => Self::Lite(Box::new(n.train())),
        }
    }

    fn valid(&self) -> Self {
        match self {
            Self::Eccv16(n) => Self::Eccv16(Box::new(n.valid())),
            Self::Siggraph17(n) => Self::Siggraph17(Box::new(n.valid())),
            Self::Unet(n) => Self::Unet(Box::new(n.valid())),
            Self::Lite(n) => Self::Lite(Box::new(n.valid())),
        }
    }
}

/// Who records what happens to the weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tape {
    /// Burn, on any of its backends.
    Burn,
    /// libtorch: faster there, see `kernels::libtorch`.
    #[cfg(feature = "libtorch")]
    Libtorch,
}

impl Tape {
    /// The right one for a device.
    #[must_use]
    pub fn of(device: &Device) -> Self {
        #[cfg(feature = "libtorch")]
        if crate::kernels::libtorch::holds(&Tensor::<1>::zeros([1], device)) {
            return Self::Libtorch;
        }
        let _ = device;
        Self::Burn
    }

    /// A network whose weights are recorded, but for those at paths that stand `still`; norms there use
    /// their running statistics and leave them as they are.
    pub(crate) fn record<N: Trainable>(self, network: N, still: impl Fn(&str) -> bool) -> N {
        match self {
            Self::Burn => network.train().map(&mut KeepStill { still, path: Vec::new() }),
            #[cfg(feature = "libtorch")]
            Self::Libtorch => network.map(&mut Watch { still, path: Vec::new() }),
        }
    }

    /// A tensor off the tape.
    #[must_use]
    pub fn plain<const D: usize>(self, tensor: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Burn => tensor.inner(),
            #[cfg(feature = "libtorch")]
            Self::Libtorch => crate::kernels::libtorch::detach(tensor),
        }
    }

    /// A tensor as the tape's operators take it.
    #[must_use]
    pub fn input<const D: usize>(self, tensor: Tensor<D>) -> Tensor<D> {
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

    /// Gradients of the network's weights, given those at its outputs, each beside its output.
    ///
    /// # Panics
    /// If there is no output.
    pub(crate) fn gradients<N: Trainable>(
        self,
        network: &N,
        outputs: impl IntoIterator<Item = (Tensor<4>, Tensor<4>)>,
    ) -> Flat {
        // The gradient of this sum at an output is what was given.
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

    /// Runs `f`, which changes weights, with nothing recorded.
    pub fn untaped<T>(self, f: impl FnOnce() -> T) -> T {
        match self {
            Self::Burn => f(),
            #[cfg(feature = "libtorch")]
            Self::Libtorch => crate::kernels::libtorch::untaped(f),
        }
    }

    /// Every tensor of a network, flat and off the tape.
    pub(crate) fn flat(self, network: &impl Trainable) -> Flat {
        let mut gather = Gather::new(|tensor| Some(tensor.plain_flat(self)));
        network.visit(&mut gather);
        gather.found
    }

    /// The same weights in tensors of their own, off the tape: those of `fresh`, which is of the same
    /// shape.
    pub(crate) fn copy<N: Trainable>(self, network: &N, fresh: N) -> N {
        self.untaped(|| {
            let mut values = self.flat(&network.valid());
            self.change(fresh, false, |path, _, _| values.remove(path).map(|value| value * 1.0))
        })
    }

    /// Changes tensors: `change` gets path, flat tensor off the tape and whether it has more than one
    /// axis, and returns its successor, or `None` to leave it.
    pub(crate) fn change<N: Trainable>(
        self,
        network: N,
        record: bool,
        change: impl FnMut(&str, Tensor<1>, bool) -> Option<Tensor<1>>,
    ) -> N {
        self.untaped(|| network.map(&mut Change { tape: self, record, change, path: Vec::new() }))
    }
}

/// What can be asked of a tensor of any number of axes.
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

/// Visits every tensor of a network.
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
            self.found.insert(without_layer(&self.path.join(".")), flat);
        }
    }

    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }
}

/// Puts successors in the place of tensors.
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
        let tensor = match (self.change)(&without_layer(&self.path.join(".")), flat, D > 1) {
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

/// Takes weights off Burn's tape.
struct KeepStill<F> {
    still: F,
    path: Vec<String>,
}

impl<F: Fn(&str) -> bool> KeepStill<F> {
    fn here(&self) -> bool {
        (self.still)(&without_layer(&self.path.join(".")))
    }
}

impl<F: Fn(&str) -> bool> ModuleMapper for KeepStill<F> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.here() { param.set_require_grad(false) } else { param }
    }

    /// Whether a norm learns.
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

/// Marks weights for libtorch's tape; running statistics move by another way.
#[cfg(feature = "libtorch")]
struct Watch<F> {
    still: F,
    path: Vec<String>,
}

#[cfg(feature = "libtorch")]
impl<F: Fn(&str) -> bool> ModuleMapper for Watch<F> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let running = self.path.last().is_some_and(|name| name.starts_with("running_"));
        if running || (self.still)(&without_layer(&self.path.join("."))) {
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
