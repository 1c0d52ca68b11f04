//! Our kernels as Burn's runtime takes them: WGSL, launched with buffers and a list of numbers.

use super::{Numbers, depthwise, gemm, winograd};
use burn_cubecl::cubecl::client::Client;
use burn_cubecl::cubecl::prelude::KernelId;
use burn_cubecl::cubecl::server::{Handle, KernelArguments, MetadataBindingInfo};
use burn_cubecl::cubecl::{CubeCount, CubeDim, ExecutionMode};
use burn_cubecl::template::{KernelSource, SourceKernel, SourceTemplate};

/// What happens to a sum before it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Store {
    /// Nothing.
    Raw,
    /// Bias, ReLU, scale and shift.
    Plain,
    /// Something is added after the bias.
    Add,
}

/// Everything that a kernel's text depends on. Sizes are numbers given at launch, so that one
/// pipeline serves all layers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kernel {
    /// Any layout to NHWC.
    Nhwc,
    /// A factor and an addend for each value.
    Map,
    /// Mean over all places.
    Mean,
    /// A norm's statistics to factors and addends.
    Norm,
    /// Weights for [`Kernel::Gemm`].
    Weights(Numbers),
    /// Rows of activations times weights.
    Gemm(gemm::Tile, Store, Numbers),
    /// Each channel by itself.
    Depthwise(depthwise::Strip, Store),
    /// Activations to tiles.
    WinogradInput(Numbers),
    /// Weights for tiles.
    WinogradWeights(Numbers),
    /// Tiles to sums.
    WinogradOutput(Store),
    /// Logits to colours.
    AnnealedMean,
}

impl Kernel {
    fn text(&self) -> String {
        match self {
            Self::Nhwc => include_str!("nhwc.wgsl").to_owned(),
            Self::Map => include_str!("map.wgsl").to_owned(),
            Self::Mean => include_str!("mean.wgsl").to_owned(),
            Self::Norm => include_str!("norm.wgsl").to_owned(),
            Self::Weights(numbers) => {
                let values = [("enable", numbers.enable()), ("number", numbers.name())];
                fill(include_str!("weights.wgsl"), &values)
            }
            Self::Gemm(tile, store, numbers) => gemm::text(*tile, *store, *numbers),
            Self::Depthwise(strip, store) => depthwise::text(*strip, *store),
            Self::WinogradInput(numbers) => winograd::input_text(*numbers),
            Self::WinogradWeights(numbers) => winograd::weights_text(*numbers),
            Self::WinogradOutput(store) => winograd::output_text(*store),
            Self::AnnealedMean => include_str!("annealed_mean.wgsl").to_owned(),
        }
    }

    /// Invocations of a workgroup.
    fn threads(&self) -> u32 {
        match self {
            Self::Gemm(tile, ..) => tile.threads(),
            _ => 64,
        }
    }

    /// Runs the kernel. `info` are the numbers of its `Info`, in order.
    pub(super) fn launch(self, client: &Client, groups: [u32; 3], buffers: &[&Handle], info: &[usize]) {
        let words: Vec<u64> =
            info.chunks(2).map(|pair| word(pair[0]) | word(*pair.get(1).unwrap_or(&0)) << 32).collect();
        let arguments = KernelArguments::new()
            .with_buffers(buffers.iter().map(|&handle| handle.clone().binding()).collect())
            .with_info(MetadataBindingInfo::custom(words));
        let dim = CubeDim::new_1d(self.threads());
        let [x, y, z] = groups;
        client.launch(Box::new(SourceKernel::new(self, dim)), CubeCount::Static(x, y, z), arguments);
    }
}

fn word(number: usize) -> u64 {
    u64::from(u32::try_from(number).expect("sizes of tensors that fit a GPU fit 32 bits"))
}

impl KernelSource for Kernel {
    fn source(&self) -> SourceTemplate {
        SourceTemplate::new(self.text())
    }

    fn id(&self) -> KernelId {
        // Unchecked only keeps the runtime from bounding loops a second time, in every turn.
        KernelId::new::<Self>()
            .info(self.clone())
            .cube_dim(CubeDim::new_1d(self.threads()).0)
            .mode(ExecutionMode::Unchecked)
    }

    fn lang(&self) -> &'static str {
        "wgsl"
    }
}

/// Workgroups of 64 for a list so long, in rows that every device takes.
pub(super) fn groups_of_64(length: usize) -> [u32; 3] {
    let groups = count(length, 64);
    [groups.min(65535), groups.div_ceil(65535), 1]
}

/// How many pieces of a size make up a length.
pub(super) fn count(length: usize, piece: usize) -> u32 {
    u32::try_from(length.div_ceil(piece)).expect("sizes of tensors that fit a GPU fit 32 bits")
}

/// A text with its `{{ name }}`s replaced.
pub(super) fn fill(template: &str, values: &[(&str, &str)]) -> String {
    values
        .iter()
        .fold(template.to_owned(), |text, (name, value)| text.replace(&format!("{{{{ {name} }}}}"), value))
}

/// The declarations and the function `store_one` for what is done before storing; `first` is the
/// number of its first binding, `height` and `width` are the output's.
pub(super) fn store_text(
    store: Store,
    numbers: Numbers,
    first: usize,
    [height, width]: [&str; 2],
) -> (String, String) {
    let binding =
        |number: usize, declaration: &str| format!("@group(0) @binding({number}) var<{declaration};\n");
    let info = |number| binding(number, "storage, read> info: Info");
    if store == Store::Raw {
        let values = [("restore", numbers.restore())];
        let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
        return (info(first), fill(include_str!("store_raw.wgsl"), &values));
    }
    let mut bindings = binding(first, "storage, read_write> epilogue: array<f32>");
    let mut number = first + 1;
    let (mut position, mut addend) = (String::new(), "");
    if store == Store::Add {
        bindings += &binding(number, "storage, read_write> addend: array<f32>");
        number += 1;
        position = fill(include_str!("addend.wgsl"), &[("height", height), ("width", width)]);
        addend = "        value += addend[addend_position(position) * info.outputs + channel];";
    }
    bindings += &info(number);
    (bindings, position + &fill(include_str!("epilogue.wgsl"), &[("addend", addend)]))
}
