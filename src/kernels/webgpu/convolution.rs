//! Convolutions, their weights laid out for the device.

use super::Precision;
use super::depthwise::{STRIP, Strip};
use super::gemm::Tile;
use super::kernel::{Kernel, count, groups_of_64};
use super::operators::{Map, MapFunction, Slice, upload};
use super::parameters::{
    DepthwiseInfo, GemmInfo, NhwcInfo, WeightsInfo, WinogradInputInfo, WinogradOutputInfo,
    WinogradWeightsInfo,
};
use super::template::Store;
use super::tensors::{dense, primitive};
use super::winograd::MATRICES;
use crate::kernels::{Activation, Epilogue, Shape};
use burn::backend::wgpu::Wgpu;
use burn::prelude::*;
use burn::tensor::DType;
use burn_cubecl::CubeDevice;
use burn_cubecl::cubecl::client::Client;
use burn_cubecl::cubecl::server::Handle;
use burn_cubecl::tensor::CubeTensor;
use std::fmt;

/// Most values of a layer's weights for which Winograd's form, four times as large, is kept. Larger
/// ones are brought into it in each pass, which takes a twentieth of the layer's time: kept, those of
/// the paper's network would be half a gigabyte.
const MOST_KEPT_WEIGHTS: usize = 256 * 256;

/// Fewest channels in and out for which Winograd's transforms pay.
const LEAST_CHANNELS: usize = 16;

/// A convolution's weights, laid out for the device once.
#[derive(Clone)]
pub struct Convolution {
    shape: Shape,
    client: Client,
    device: CubeDevice,
    /// Bias, scale and shift, each with room for [`Convolution::columns`].
    epilogue: Handle,
    weights: Weights,
    precision: Precision,
    /// Instead of what suits the device.
    tile: Option<Tile>,
}

impl fmt::Debug for Convolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Convolution")
            .field("shape", &self.shape)
            .field("precision", &self.precision)
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

impl Convolution {
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
        let precision = Precision::of(&primitive(weight.clone())?.client);
        Self::with(precision, shape, weight, bias, affine)
    }

    /// [`Convolution::new`] with a precision that the caller chooses, and that the device must have.
    #[must_use]
    pub fn with(
        precision: Precision,
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
                x: Slice(&primitive(part)?.handle, 0),
                y: Slice(&epilogue, index * room),
                length: to,
                inner: 1,
                scale: Slice(&one, 0),
                scales: 1,
                shift: Slice(&zero, 0),
                shifts: 1,
                function: MapFunction::Identity,
            };
            map.launch(&client);
        }
        let weights = Weights::Winograd(values.clone(), None);
        let mut packed = Self { shape, client, device, epilogue, weights, precision, tile: None };
        let winograd = (kernel, shape.stride, doubling) == (3, 1, false) && from.min(to) >= LEAST_CHANNELS;
        packed.weights = if depthwise {
            Weights::Depthwise(packed.to_taps(&values))
        } else if winograd {
            let kept = (from * to <= MOST_KEPT_WEIGHTS).then(|| packed.to_winograd(&values));
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
        Self { tile: Some(Tile { threads }), ..self }
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
        self.client.empty(self.precision.bytes() * count)
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
        let [batch_stride, channel_stride, row_stride, column_stride] = strides;
        let info = NhwcInfo {
            channels,
            height,
            width,
            room,
            length,
            batch_stride,
            channel_stride,
            row_stride,
            column_stride,
        };
        Kernel::Nhwc.launch(&self.client, groups_of_64(length), &[&x.handle, &output], &info);
        output
    }

    fn to_rows(&self, weights: &Handle) -> Handle {
        let Shape { from, to, kernel, doubling, .. } = self.shape;
        let length = kernel * kernel * self.rows() * self.columns();
        let packed = self.factors(length);
        let info = WeightsInfo {
            inputs: from,
            outputs: to,
            rows: self.rows(),
            columns: self.columns(),
            kernel,
            doubling: 1 + usize::from(doubling),
            length,
        };
        Kernel::Weights(self.precision).launch(
            &self.client,
            groups_of_64(length),
            &[weights, &packed],
            &info,
        );
        packed
    }

    /// Of a depthwise convolution, `[channel, 1, kernel, kernel]`.
    fn to_taps(&self, weights: &Handle) -> Handle {
        let (taps, room) = (self.shape.kernel.pow(2), self.columns());
        let length = taps * room;
        let packed = self.empty(length);
        // To the kernel, channels are channels and the taps are the places of a row.
        let info = NhwcInfo {
            channels: self.shape.to,
            height: 1,
            width: taps,
            room,
            length,
            batch_stride: 0,
            channel_stride: taps,
            row_stride: 0,
            column_stride: 1,
        };
        Kernel::Nhwc.launch(&self.client, groups_of_64(length), &[weights, &packed], &info);
        packed
    }

    fn to_winograd(&self, weights: &Handle) -> Handle {
        let (rows, columns) = (self.rows(), self.columns());
        let transformed = self.factors(MATRICES * rows * columns);
        let info = WinogradWeightsInfo { inputs: self.shape.from, outputs: self.shape.to, rows, columns };
        let groups = [count(columns, 64), count(rows, 1), 1];
        Kernel::WinogradWeights(self.precision).launch(&self.client, groups, &[weights, &transformed], &info);
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
        let info = GemmInfo {
            inputs,
            outputs: self.shape.to,
            columns,
            rows,
            grid_height: grid[0],
            grid_width: grid[1],
            in_height: height,
            in_width: width,
            taps,
            dilation,
            stride,
            padding,
            activations_z: 0,
            weights_z,
            output_z: 0,
            doubling: scale,
            addend_scale: last.scale(),
            activation: last.activation(),
        };
        let groups = [count(rows, tile.rows()), count(columns, Tile::COLUMNS), phases];
        let mut buffers = vec![x, weights, last.output, &self.epilogue];
        buffers.extend(last.addend());
        Kernel::Gemm(tile, last.store(), self.precision).launch(&self.client, groups, &buffers, &info);
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
        let info = DepthwiseInfo {
            columns,
            outputs: to,
            out_height: high,
            out_width: wide,
            in_height: height,
            in_width: width,
            strips,
            length,
            addend_scale: last.scale(),
            activation: last.activation(),
        };
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
        let info = WinogradInputInfo {
            channels: rows,
            in_height: height,
            in_width: width,
            dilation,
            tiles_high: high,
            tiles_wide: wide,
            tiles: all,
        };
        Kernel::WinogradInput(self.precision).launch(&self.client, per_tile(rows), &[x, &transformed], &info);

        let products = self.empty(MATRICES * all * to);
        let tile = self.tile(all);
        let (activations_z, weights_z) = (all * rows / 4, rows * columns / 4);
        // To the matrix product, tiles are the positions of an image one row high.
        let info = GemmInfo {
            inputs: rows / 4,
            outputs: to,
            columns: columns / 4,
            rows: all,
            grid_height: 1,
            grid_width: all,
            in_height: 1,
            in_width: all,
            taps: 1,
            dilation: 1,
            stride: 1,
            padding: 0,
            activations_z,
            weights_z,
            output_z: all,
            doubling: 1,
            addend_scale: 0,
            activation: 0,
        };
        let groups = [count(all, tile.rows()), count(columns / 4, Tile::COLUMNS), count(MATRICES, 1)];
        let kernel = Kernel::Gemm(tile, Store::Raw, self.precision);
        kernel.launch(&self.client, groups, &[&transformed, weights, &products], &info);

        let info = WinogradOutputInfo {
            outputs: to,
            columns: columns / 4,
            out_height: height,
            out_width: width,
            dilation,
            tiles_high: high,
            tiles_wide: wide,
            tiles: all,
            addend_scale: last.scale(),
            activation: last.activation(),
        };
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

/// The work of a convolution's last kernel, and where it writes.
struct Last<'a> {
    /// The addend, and 2 where that has half the size.
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
