//! Learning on the graphics processor (Vulkan, Metal or DX12).

mod alike;

use autochrome::kernels::device::{ComputeDevice, DeviceChoice};

#[test]
fn the_gpu_learns_what_the_cpu_learns() {
    match pollster::block_on(ComputeDevice::open(DeviceChoice::Gpu)) {
        Ok(gpu) => {
            println!("adapter: {}", gpu.name);
            alike::learns_what_the_cpu_learns(&gpu.device, &[], 0.01, None);
        }
        Err(error) => println!("skipped: no adapter ({error})"),
    }
}
