//! Pipelines made ahead of their use.

use super::Precision;
use super::depthwise::Strip;
use super::gemm::Tile;
use super::kernel::Kernel;
use super::template::Store;
use super::tensors::client;
use burn::prelude::*;
use burn_cubecl::cubecl::client::Client;
use burn_cubecl::cubecl::server::ServerError;

/// More words than any kernel's parameters have.
const PARAMETER_WORDS: usize = 32;

/// Values of a buffer that is bound and not used.
const BUFFER_VALUES: usize = 64;

/// Has the device make the pipelines that any network needs: while a model downloads, it has nothing
/// else to do. Each kernel runs once on nothing.
///
/// # Errors
/// Where the device fails.
pub(crate) async fn warm_up(device: &Device) -> Result<(), ServerError> {
    let Some(client) = client(device) else { return Ok(()) };
    for kernel in Kernel::all(&client) {
        let buffers: Vec<_> = (0..kernel.buffers()).map(|_| client.empty(4 * BUFFER_VALUES)).collect();
        let buffers: Vec<_> = buffers.iter().collect();
        kernel.launch_with(&client, [1, 1, 1], &buffers, &[0; PARAMETER_WORDS]);
    }
    client.sync().await
}

impl Kernel {
    /// The kernels that are made ahead.
    fn all(client: &Client) -> Vec<Self> {
        let precision = Precision::of(client);
        let mut kernels = vec![
            Self::Nhwc,
            Self::Map,
            Self::Mean,
            Self::Norm,
            Self::Weights(precision),
            Self::WinogradInput(precision),
            Self::WinogradWeights(precision),
            Self::WinogradOutput(Store::Plain),
            Self::WinogradOutput(Store::Add),
            Self::AnnealedMean,
        ];
        kernels.extend(Strip::all().map(|strip| Self::Depthwise(strip, Store::Plain)));
        // Larger tiles are made when many rows ask for them: a software adapter takes seconds for each.
        let tile = Tile::choose(client, 0);
        let stores = [Store::Raw, Store::Plain, Store::Add];
        kernels.extend(stores.map(|store| Self::Gemm(tile, store, precision)));
        kernels
    }

    /// Buffers that it takes, but for the numbers.
    fn buffers(&self) -> usize {
        let stores = |store: Store| match store {
            Store::Raw => 0,
            Store::Plain => 1,
            Store::Add => 2,
        };
        match *self {
            Self::Nhwc
            | Self::Mean
            | Self::Weights(_)
            | Self::WinogradInput(_)
            | Self::WinogradWeights(_) => 2,
            Self::AnnealedMean => 3,
            Self::Map => 4,
            Self::Norm => 7,
            Self::Depthwise(_, store) | Self::Gemm(_, store, _) => 3 + stores(store),
            Self::WinogradOutput(store) => 2 + stores(store),
        }
    }
}
