//! Pipelines made ahead of their use.

use super::primitive;
use super::source::Kernel;
use burn::prelude::*;
use burn_cubecl::cubecl::server::ServerError;

/// More numbers than any kernel's `Info` has.
const NUMBERS: usize = 32;

/// Values of a buffer that is bound and not used.
const LITTLE: usize = 64;

/// Has the device make every pipeline that a network may need: while a model downloads, it has nothing
/// else to do. Each kernel runs once on nothing.
///
/// # Errors
/// Where the device fails.
pub(crate) async fn warm_up(device: &Device) -> Result<(), ServerError> {
    let tensor = Tensor::from_data(TensorData::new(vec![0.0f32], [1]), device);
    let Some(tensor) = primitive::<1>(tensor) else { return Ok(()) };
    let client = tensor.client;
    for kernel in Kernel::all(&client) {
        let buffers: Vec<_> = (0..kernel.buffers()).map(|_| client.empty(4 * LITTLE)).collect();
        let buffers: Vec<_> = buffers.iter().collect();
        kernel.launch(&client, [1, 1, 1], &buffers, &[0; NUMBERS]);
    }
    client.sync().await
}
