//! Our kernels as Burn's runtime takes them: WGSL, launched with buffers and parameters.

use super::parameters::{Parameters, word};
use super::template::{Store, fill};
use super::{Precision, depthwise, gemm, winograd};
use burn_cubecl::cubecl::client::Client;
use burn_cubecl::cubecl::prelude::KernelId;
use burn_cubecl::cubecl::server::{Handle, KernelArguments, MetadataBindingInfo};
use burn_cubecl::cubecl::{CubeCount, CubeDim, ExecutionMode};
use burn_cubecl::template::{KernelSource, SourceKernel, SourceTemplate};

/// Everything that a kernel's text depends on. Sizes are given at launch, so that one
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
    Weights(Precision),
    /// Rows of activations times weights.
    Gemm(gemm::Tile, Store, Precision),
    /// Each channel by itself.
    Depthwise(depthwise::Strip, Store),
    /// Activations to tiles.
    WinogradInput(Precision),
    /// Weights for tiles.
    WinogradWeights(Precision),
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
            Self::Weights(precision) => {
                let values = [("enable", precision.enable()), ("factor", precision.name())];
                fill(include_str!("weights.wgsl"), &values)
            }
            Self::Gemm(tile, store, precision) => gemm::text(*tile, *store, *precision),
            Self::Depthwise(strip, store) => depthwise::text(*strip, *store),
            Self::WinogradInput(precision) => winograd::input_text(*precision),
            Self::WinogradWeights(precision) => winograd::weights_text(*precision),
            Self::WinogradOutput(store) => winograd::output_text(*store),
            Self::AnnealedMean => include_str!("annealed_mean.wgsl").to_owned(),
        }
    }

    /// Invocations of a workgroup.
    fn threads(&self) -> u32 {
        match self {
            Self::Gemm(tile, ..) => tile.threads,
            _ => 64,
        }
    }

    /// Runs the kernel.
    pub(super) fn launch(
        self,
        client: &Client,
        groups: [u32; 3],
        buffers: &[&Handle],
        parameters: &impl Parameters,
    ) {
        self.launch_with(client, groups, buffers, &parameters.words());
    }

    /// [`Kernel::launch`] with the words of its parameters.
    pub(super) fn launch_with(self, client: &Client, groups: [u32; 3], buffers: &[&Handle], words: &[u32]) {
        let pair = |pair: &[u32]| u64::from(pair[0]) | u64::from(*pair.get(1).unwrap_or(&0)) << 32;
        let words: Vec<u64> = words.chunks(2).map(pair).collect();
        let arguments = KernelArguments::new()
            .with_buffers(buffers.iter().map(|&handle| handle.clone().binding()).collect())
            .with_info(MetadataBindingInfo::custom(words));
        let dim = CubeDim::new_1d(self.threads());
        let [x, y, z] = groups;
        client.launch(Box::new(SourceKernel::new(self, dim)), CubeCount::Static(x, y, z), arguments);
    }
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
    word(length.div_ceil(piece))
}
