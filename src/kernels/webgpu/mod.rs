//! Convolutions in WGSL, for what Burn's wgpu backend runs on.
//!
//! Activations are NHWC in memory (to Burn: permuted views), so that a position's channels are read
//! as vectors. 3 x 3 convolutions of stride 1 are Winograd's, four times fewer multiplications; those
//! that see each channel by itself have a kernel of their own; all others are one matrix product over
//! gathered rows. Bias, addend, ReLU and the affine map after it are
//! applied on the way out. After the last one, [`annealed_mean`] makes colours of logits.

mod annealed_mean;
mod depthwise;
mod gemm;
mod numbers;
pub(crate) mod operators;
mod source;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
mod warm_up;
mod winograd;

pub use annealed_mean::annealed_mean;
pub use numbers::Numbers;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
pub(crate) use warm_up::warm_up;

use super::{Activation, Epilogue, Shape};
use burn::backend::wgpu::Wgpu;
use burn::prelude::*;
use burn::tensor::DType;
use burn_cubecl::CubeDevice;
use burn_cubecl::cubecl::client::Client;
use burn_cubecl::cubecl::server::Handle;
use burn_cubecl::cubecl::zspace::Strides;
use burn_cubecl::cubecl::zspace::metadata::Metadata;
use burn_cubecl::tensor::CubeTensor;
use depthwise::{STRIP, Strip};
use gemm::Tile;
use operators::{Bend, From, Map, upload};
use source::{Kernel, Store, count, groups_of_64};
use std::fmt;
use winograd::MATRICES;

/// Most values of a layer's weights for which Winograd's form, four times as large, is kept. Larger
/// ones are brought into it in each pass, which takes a twentieth of the layer's time: kept, those of
/// the paper's network would be half a gigabyte.
const KEPT_WINOGRAD: usize = 256 * 256;

/// Fewest channels in and out for which Winograd's transforms pay.
const WORTH_WINOGRAD: usize = 16;

/// A convolution's weights, laid out for the device once.
#[derive(Clone)]
pub struct Packed {
    shape: Shape,
    client: Client,
    device: CubeDevice,
    /// Bias, scale and shift, each with room for [`Packed::columns`].
    epilogue: Handle,
    weights: Weights,
    numbers: Numbers,
    /// Instead of what suits the device.
    tile: Option<Tile>,
}

impl fmt::Debug for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packed")
            .field("shape", &self.shape)
            .field("numbers", &self.numbers)
            .field("tile", &self.tile)
            .finish_non_exhaustive()
    }
}

#[derive(Clone)]
enum Weights {
    /// As the matrix product reads them.
    Rows(Handle),
    /// As they came, and in Winograd's form where that is kept.
    Winograd(Handle, Option<Handle>),
    /// `[tap][channel]`.
    Depthwise(Handle),
}

impl Packed {
    /// Lays out a convolution: `y = scale * activation(conv + bias + add) + shift`, with `affine` being scale
    /// and shift. `None` for tensors that are not f32 on a device of wgpu, and for convolutions that
    /// there is no kernel for.
    #[must_use]
    pub fn new(
        shape: Shape,
        weight: Tensor<4>,
        bias: Option<Tensor<1>>,
        affine: Option<(Tensor<1>, Tensor<1>)>,
    ) -> Option<Self> {
        let numbers = Numbers::of(&primitive(weight.clone())?.client);
        Self::with(numbers, shape, weight, bias, affine)
    }

    /// [`Packed::new`] with numbers that the caller chooses, and that the device must have.
    #[must_use]
    pub fn with(
        numbers: Numbers,
        shape: Shape,
        weight: Tensor<4>,
        bias: Option<Tensor<1>>,
        affine: Option<(Tensor<1>, Tensor<1>)>,
    ) -> Option<Self> {
        let Shape { from, to, kernel, doubling, depthwise, .. } = shape;
        let expected = if doubling { [from, to, 4, 4] } else { [to, shape.seen(), kernel, kernel] };
        let fits = !depthwise || from == to && shape.dilation == 1 && !doubling;
        if weight.dims() != expected || kernel % 2 == usize::from(doubling) || !fits {
            return None;
        }
        let weight = primitive(weight)?;
        let values = dense(&weight);
        let (client, device) = (weight.client.clone(), weight.device.clone());
        let room = to.next_multiple_of(4);
        let mut defaults = vec![0.0; 3 * room];
        defaults[room..][..to].fill(1.0);
        let epilogue = upload(&client, &defaults);
        let (one, zero) = (upload(&client, &[1.0]), upload(&client, &[0.0]));
        let (scale, shift) = affine.unzip();
        for (index, part) in [bias, scale, shift].into_iter().enumerate() {
            let Some(part) = part else { continue };
            let map = Map {
                x: From(&primitive(part)?.handle, 0),
                y: From(&epilogue, index * room),
                length: to,
                inner: 1,
                scale: From(&one, 0),
                scales: 1,
                shift: From(&zero, 0),
                shifts: 1,
                bend: Bend::None,
            };
            map.launch(&client);
        }
        let weights = Weights::Winograd(values.clone(), None);
        let mut packed = Self { shape, client, device, epilogue, weights, numbers, tile: None };
        let winograd = (kernel, shape.stride, doubling) == (3, 1, false) && from.min(to) >= WORTH_WINOGRAD;
        packed.weights = if depthwise {
            Weights::Depthwise(packed.to_taps(&values))
        } else if winograd {
            let kept = (from * to <= KEPT_WINOGRAD).then(|| packed.to_winograd(&values));
            Weights::Winograd(values, kept)
        } else {
            Weights::Rows(packed.to_rows(&values))
        };
        Some(packed)
    }

    /// Works in workgroups of 64, 128 or 256 invocations, which suit graphics processors, whatever the
    /// device: for tests on software.
    #[must_use]
    pub fn in_workgroups_of(self, threads: u32) -> Self {
        Self { tile: Some(Tile::Workgroup(threads)), ..self }
    }

    /// The convolution of `x`, `[batch, channels, height, width]` in any layout. The output is NHWC in
    /// memory.
    ///
    /// # Panics
    /// If `x` or the addend is on another device, or not of a size that fits.
    #[must_use]
    pub fn forward(&self, x: Tensor<4>, epilogue: Epilogue) -> Tensor<4> {
        let [batch, from, height, width] = x.dims();
        assert_eq!(from, self.shape.from, "channels of the input");
        let size = self.shape.output([height, width]);
        let out = [batch, size[0], size[1], self.shape.to];
        let x = self.to_nhwc(x, self.rows());
        let scale = match epilogue.add.as_ref().map(Tensor::dims) {
            None => 0,
            Some([b, c, h, w]) if [b, h, w, c] == out => 1,
            Some([b, c, h, w]) if [b, 2 * h, 2 * w, c] == out => 2,
            Some(dims) => panic!("{dims:?} cannot be added to {out:?}"),
        };
        let addend = epilogue.add.map(|add| (self.to_nhwc(add, self.shape.to), scale));
        let output = self.empty(out.iter().product());
        let last = Last { addend, activation: epilogue.activation, output: &output };
        let tiles = self.winograd_tiles(batch, size);
        let largest = 4 * MATRICES * tiles.all * self.rows().max(self.shape.to);
        match &self.weights {
            Weights::Rows(weights) => self.gathered(&x, weights, [batch, height, width], size, &last),
            Weights::Winograd(weights, kept) => {
                if largest as u64 <= self.client.properties().memory.max_page_size {
                    let kept = kept.clone().unwrap_or_else(|| self.to_winograd(weights));
                    self.winograd(&x, &kept, [height, width], tiles, &last);
                } else {
                    self.gathered(&x, &self.to_rows(weights), [batch, height, width], size, &last);
                }
            }
            Weights::Depthwise(weights) => self.depthwise(&x, weights, [batch, height, width], size, &last),
        }
        let (client, device) = (self.client.clone(), self.device.clone());
        let output = CubeTensor::new_contiguous(client, device, out.into(), output, DType::F32);
        Tensor::from_primitive::<Wgpu>(output).permute([0, 3, 1, 2])
    }

    /// Channels in, with room up to whole vectors.
    fn rows(&self) -> usize {
        self.shape.from.next_multiple_of(4)
    }

    /// Channels out, with room up to whole vectors.
    fn columns(&self) -> usize {
        self.shape.to.next_multiple_of(4)
    }

    /// Taps along one axis, as the matrix product sees them.
    fn taps(&self) -> usize {
        if self.shape.doubling { 2 } else { self.shape.kernel }
    }

    fn tile(&self, rows: usize) -> Tile {
        self.tile.unwrap_or_else(|| Tile::choose(&self.client, rows))
    }

    fn empty(&self, values: usize) -> Handle {
        self.client.empty(4 * values)
    }

    /// Room for what a matrix product multiplies.
    fn factors(&self, count: usize) -> Handle {
        self.client.empty(self.numbers.bytes() * count)
    }

    /// NHWC with room for so many channels.
    fn to_nhwc(&self, x: Tensor<4>, room: usize) -> Handle {
        let [batch, channels, height, width] = x.dims();
        let x = primitive(x).expect("an f32 tensor on the device of the weights");
        let strides = [0, 1, 2, 3].map(|axis| x.meta.strides()[axis]);
        let dense = [height * width * channels, 1, width * channels, channels];
        let lies_so = |axis: usize, length: usize| length == 1 || strides[axis] == dense[axis];
        let lengths = [batch, channels, height, width];
        if room == channels && (0..4).all(|axis| lies_so(axis, lengths[axis])) {
            return x.handle;
        }
        let length = batch * height * width * room;
        let output = self.empty(length);
        let [b, c, h, w] = strides;
        let info = [channels, height, width, room, length, b, c, h, w];
        Kernel::Nhwc.launch(&self.client, groups_of_64(length), &[&x.handle, &output], &info);
        output
    }

    fn to_rows(&self, weights: &Handle) -> Handle {
        let Shape { from, to, kernel, doubling, .. } = self.shape;
        let length = kernel * kernel * self.rows() * self.columns();
        let packed = self.factors(length);
        let info = [from, to, self.rows(), self.columns(), kernel, 1 + usize::from(doubling), length];
        Kernel::Weights(self.numbers).launch(&self.client, groups_of_64(length), &[weights, &packed], &info);
        packed
    }

    /// Of a depthwise convolution, `[channel, 1, kernel, kernel]`.
    fn to_taps(&self, weights: &Handle) -> Handle {
        let (taps, room) = (self.shape.kernel.pow(2), self.columns());
        let length = taps * room;
        let packed = self.empty(length);
        // To the kernel, channels are channels and the taps are the places of a row.
        let info = [self.shape.to, 1, taps, room, length, 0, taps, 0, 1];
        Kernel::Nhwc.launch(&self.client, groups_of_64(length), &[weights, &packed], &info);
        packed
    }

    fn to_winograd(&self, weights: &Handle) -> Handle {
        let (rows, columns) = (self.rows(), self.columns());
        let transformed = self.factors(MATRICES * rows * columns);
        let info = [self.shape.from, self.shape.to, rows, columns];
        let groups = [count(columns, 64), count(rows, 1), 1];
        Kernel::WinogradWeights(self.numbers).launch(&self.client, groups, &[weights, &transformed], &info);
        transformed
    }

    /// One matrix product over gathered rows.
    fn gathered(
        &self,
        x: &Handle,
        weights: &Handle,
        [batch, height, width]: [usize; 3],
        size: [usize; 2],
        last: &Last,
    ) {
        let Shape { kernel, stride, dilation, doubling, .. } = self.shape;
        let (phases, scale) = if doubling { (4, 2) } else { (1, 1) };
        let grid = size.map(|length| length / scale);
        // A doubling's phases begin at the position before theirs, and look at two in a row.
        let (stride, dilation, padding) =
            if doubling { (1, 1, 1) } else { (stride, dilation, dilation * (kernel / 2)) };
        let rows = batch * grid[0] * grid[1];
        let (inputs, columns, taps) = (self.rows() / 4, self.columns() / 4, self.taps());
        let weights_z = taps * taps * 4 * inputs * columns;
        let tile = self.tile(rows);
        let [from, to] = [inputs, self.shape.to];
        let info = [
            from,
            to,
            columns,
            rows,
            grid[0],
            grid[1],
            height,
            width,
            taps,
            dilation,
            stride,
            padding,
            0,
            weights_z,
            0,
            scale,
            last.scale(),
            last.activation(),
        ];
        let groups = [count(rows, tile.rows()), count(columns, tile.columns()), phases];
        let mut buffers = vec![x, weights, last.output, &self.epilogue];
        buffers.extend(last.addend());
        Kernel::Gemm(tile, last.store(), self.numbers).launch(&self.client, groups, &buffers, &info);
    }

    /// Each channel by itself.
    fn depthwise(
        &self,
        x: &Handle,
        weights: &Handle,
        [batch, height, width]: [usize; 3],
        [high, wide]: [usize; 2],
        last: &Last,
    ) {
        let Shape { to, kernel, stride, .. } = self.shape;
        let (columns, strips) = (self.columns() / 4, wide.div_ceil(STRIP));
        let length = batch * high * strips * columns;
        let info = [columns, to, high, wide, height, width, strips, length, last.scale(), last.activation()];
        let mut buffers = vec![x, weights, last.output, &self.epilogue];
        buffers.extend(last.addend());
        let kernel = Kernel::Depthwise(Strip { kernel, stride }, last.store());
        kernel.launch(&self.client, groups_of_64(length), &buffers, &info);
    }

    fn winograd_tiles(&self, batch: usize, [height, width]: [usize; 2]) -> Tiles {
        let dilation = self.shape.dilation;
        let [high, wide] = [height, width].map(|length| length.div_ceil(dilation).div_ceil(4));
        Tiles { high, wide, all: batch * dilation * dilation * high * wide }
    }

    /// Winograd's three parts.
    fn winograd(&self, x: &Handle, weights: &Handle, [height, width]: [usize; 2], tiles: Tiles, last: &Last) {
        let Shape { to, dilation, .. } = self.shape;
        let (rows, columns) = (self.rows(), self.columns());
        let Tiles { high, wide, all } = tiles;
        let per_tile = |channels: usize| [count(channels, 64), count(all.min(65535), 1), count(all, 65535)];

        let transformed = self.factors(MATRICES * all * rows);
        let info = [rows, height, width, dilation, high, wide, all];
        Kernel::WinogradInput(self.numbers).launch(&self.client, per_tile(rows), &[x, &transformed], &info);

        let products = self.empty(MATRICES * all * to);
        let tile = self.tile(all);
        let (activations_z, weights_z) = (all * rows / 4, rows * columns / 4);
        // To the matrix product, tiles are the positions of an image one row high.
        let info = [
            rows / 4,
            to,
            columns / 4,
            all,
            1,
            all,
            1,
            all,
            1,
            1,
            1,
            0,
            activations_z,
            weights_z,
            all,
            1,
            0,
            0,
        ];
        let groups = [count(all, tile.rows()), count(columns / 4, tile.columns()), count(MATRICES, 1)];
        let kernel = Kernel::Gemm(tile, Store::Raw, self.numbers);
        kernel.launch(&self.client, groups, &[&transformed, weights, &products], &info);

        let info =
            [to, columns / 4, height, width, dilation, high, wide, all, last.scale(), last.activation()];
        let mut buffers = vec![&products, last.output, &self.epilogue];
        buffers.extend(last.addend());
        Kernel::WinogradOutput(last.store()).launch(&self.client, per_tile(to), &buffers, &info);
    }
}

/// How an output is cut for Winograd.
#[derive(Clone, Copy)]
struct Tiles {
    /// Tiles of one grid, along each axis.
    high: usize,
    wide: usize,
    /// Of all grids and images.
    all: usize,
}

/// What the last kernel of a convolution does, and where it writes.
struct Last<'a> {
    /// What is added, and 2 where that has half the size.
    addend: Option<(Handle, usize)>,
    activation: Activation,
    output: &'a Handle,
}

impl Last<'_> {
    fn store(&self) -> Store {
        if self.addend.is_some() { Store::Add } else { Store::Plain }
    }

    /// As `epilogue.wgsl` has it.
    fn activation(&self) -> usize {
        match self.activation {
            Activation::Identity => 0,
            Activation::Relu => 1,
            Activation::Relu6 => 2,
        }
    }

    fn scale(&self) -> usize {
        self.addend.as_ref().map_or(0, |(_, scale)| *scale)
    }

    fn addend(&self) -> Option<&Handle> {
        self.addend.as_ref().map(|(handle, _)| handle)
    }
}

/// A tensor as wgpu's backend has it, if it is there and f32.
fn primitive<const D: usize>(tensor: Tensor<D>) -> Option<CubeTensor> {
    let tensor = tensor.try_into_primitive::<Wgpu>().ok()?;
    (tensor.dtype == DType::F32 && tensor.qparams.is_none()).then_some(tensor)
}

/// What runs kernels on a device of wgpu's.
fn client(device: &Device) -> Option<Client> {
    let tensor = Tensor::from_data(TensorData::new(vec![0.0f32], [1]), device);
    Some(primitive::<1>(tensor)?.client)
}

/// A tensor on the device of another.
fn view<const D: usize>(
    like: &CubeTensor,
    handle: Handle,
    shape: [usize; D],
    strides: [usize; D],
) -> Tensor<D> {
    let meta = Metadata::new(shape, Strides::new(&strides));
    let (client, device) = (like.client.clone(), like.device.clone());
    Tensor::from_primitive::<Wgpu>(CubeTensor::new(client, handle, meta, device, DType::F32))
}

/// A tensor on the device of another, its values in the order of its axes.
fn tensor<const D: usize>(like: &CubeTensor, handle: Handle, shape: [usize; D]) -> Tensor<D> {
    let mut strides = [1; D];
    for axis in (0..D - 1).rev() {
        strides[axis] = strides[axis + 1] * shape[axis + 1];
    }
    view(like, handle, shape, strides)
}

/// A tensor's values in the order of its axes.
fn dense(x: &CubeTensor) -> Handle {
    let axes = x.meta.shape().len();
    let ones = 4 - axes;
    // Fewer axes than four are the last of four.
    let length = |axis: usize| if axis < ones { 1 } else { x.meta.shape()[axis - ones] };
    let stride = |axis: usize| if axis < ones { 0 } else { x.meta.strides()[axis - ones] };
    let lengths = [0, 1, 2, 3].map(length);
    let mut expected = 1;
    let lies_so = (0..4).rev().all(|axis| {
        let fits = lengths[axis] == 1 || stride(axis) == expected;
        expected *= lengths[axis];
        fits
    });
    if lies_so {
        return x.handle.clone();
    }
    let [batch, height, width, last] = lengths;
    let all = batch * height * width * last;
    let output = x.client.empty(4 * all);
    let info = [last, height, width, last, all, stride(0), stride(3), stride(1), stride(2)];
    Kernel::Nhwc.launch(&x.client, groups_of_64(all), &[&x.handle, &output], &info);
    output
}
