//! `--device`, and words about the device in use.

use anyhow::Result;
use autochrome::backend::{ComputeDevice, DeviceChoice, DeviceKind};
use clap::ValueEnum;

/// Where the network runs.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum DeviceArgument {
    /// A real GPU where there is one, else the CPU
    #[default]
    Auto,
    /// The processor
    Cpu,
    /// The graphics processor (Vulkan, Metal or DX12)
    Gpu,
}

/// Opens the device and says on stderr which one it is.
pub fn open(argument: DeviceArgument) -> Result<ComputeDevice> {
    let choice = match argument {
        DeviceArgument::Auto => DeviceChoice::Auto,
        DeviceArgument::Cpu => DeviceChoice::Cpu,
        DeviceArgument::Gpu => DeviceChoice::Gpu,
    };
    let device = pollster::block_on(ComputeDevice::open(choice))?;
    let kind = if device.kind == DeviceKind::Gpu { "GPU: " } else { "" };
    eprintln!("device: {kind}{} ({})", device.name, device.reason);
    Ok(device)
}
