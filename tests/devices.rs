//! The GPU agrees with the CPU. `cargo test --features gpu,parallel --test devices -- --nocapture`

mod common;

use autochrome::backend::{ComputeDevice, DeviceChoice};
use autochrome::colorize::{Colorizer, Unpaced};
use autochrome::weights::ModelFile;
use common::{largest_difference, noise_lightness, seeded_eccv16};

fn logits(model: &ModelFile, device: ComputeDevice) -> Vec<f32> {
    let colorizer = Colorizer::new(model, device).unwrap();
    pollster::block_on(colorizer.logits(&noise_lightness(96, 64), 96, 64, &mut Unpaced)).unwrap().planes()
}

#[test]
fn gpu_and_cpu_agree_within_a_thousandth_of_the_largest_logit() {
    let open = |choice| pollster::block_on(ComputeDevice::open(choice));
    let gpu = match open(DeviceChoice::Gpu) {
        Ok(gpu) => gpu,
        Err(error) => {
            println!("skipped: no adapter ({error})");
            return;
        }
    };
    println!("adapter: {}", gpu.name);
    let shipped = ModelFile::read(include_bytes!("../www/models/unet-pilot-f16.safetensors")).unwrap();
    for model in [shipped, seeded_eccv16()] {
        let on_cpu = logits(&model, open(DeviceChoice::Cpu).unwrap());
        let on_gpu = logits(&model, gpu.clone());
        let largest = on_cpu.iter().map(|z| z.abs()).fold(0.0, f32::max);
        let error = largest_difference(on_cpu.into_iter().map(f64::from), on_gpu.into_iter().map(f64::from));
        println!("{}: off by {error}, largest logit {largest}", model.metadata.network.name());
        assert!(error < 1e-3 * f64::from(largest));
    }
}
