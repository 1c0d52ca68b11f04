//! The GPU agrees with the CPU. `cargo test --features gpu,parallel --test devices -- --nocapture`

use autochrome::engine::{Colorizer, Input, Unpaced};
use autochrome::kernels::device::{ComputeDevice, DeviceChoice};
use autochrome::model::weights::ModelFile;
use autochrome_testing::{
    largest_difference, noise_lightness, seeded_eccv16, seeded_siggraph17, seeded_small_unet,
};

fn output(model: ModelFile, device: ComputeDevice) -> Vec<f32> {
    let colorizer = Colorizer::new(model, device).unwrap();
    let lightness = noise_lightness(96, 64);
    let input = Input { lightness: &lightness, width: 96, height: 64, hints: None };
    pollster::block_on(colorizer.predict(input, &mut Unpaced)).unwrap().planes()
}

#[test]
fn gpu_and_cpu_agree_within_a_thousandth_of_the_largest_output() {
    let open = |choice| pollster::block_on(ComputeDevice::open(choice));
    let gpu = match open(DeviceChoice::Gpu) {
        Ok(gpu) => gpu,
        Err(error) => {
            println!("skipped: no adapter ({error})");
            return;
        }
    };
    println!("adapter: {}", gpu.name);
    let cpu = open(DeviceChoice::Cpu).unwrap();
    let bytes = include_bytes!("../www/models/lite2-int8.safetensors");
    let shipped = ModelFile::read(bytes).unwrap();
    for model in [shipped, seeded_small_unet(), seeded_eccv16(64), seeded_siggraph17(64)] {
        let name = model.metadata.network.name();
        let on_cpu = output(model.clone(), cpu.clone());
        let on_gpu = output(model, gpu.clone());
        let largest = on_cpu.iter().map(|z| z.abs()).fold(0.0, f32::max);
        let error = largest_difference(on_cpu.into_iter().map(f64::from), on_gpu.into_iter().map(f64::from));
        println!("{name}: off by {error}, largest output {largest}");
        assert!(error < 1e-3 * f64::from(largest));
    }
}
