//! `--device`, and words about the device in use.

use anyhow::Result;
use autochrome::backend::{ComputeDevice, DeviceChoice, DeviceKind};
use burn::prelude::Device;
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

/// Where a network is trained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TrainingDevice {
    /// The processor, nothing to install
    #[default]
    Cpu,
    /// The processor through PyTorch's engine: several times faster
    #[cfg(feature = "libtorch")]
    Libtorch,
    /// An NVIDIA card through PyTorch's engine
    #[cfg(feature = "libtorch")]
    LibtorchCuda,
    /// The graphics processor (Vulkan, Metal or DX12)
    #[cfg(feature = "gpu")]
    Wgpu,
    /// An NVIDIA card (CUDA)
    #[cfg(feature = "cuda")]
    Cuda,
}

impl TrainingDevice {
    /// Opens it. `threads` is for libtorch.
    pub fn open(self, threads: Option<usize>) -> Result<Device> {
        #[cfg(feature = "libtorch")]
        if let Some(threads) = threads {
            autochrome::kernels::libtorch::set_threads(threads);
        }
        let _ = threads;
        match self {
            Self::Cpu => Ok(open(DeviceArgument::Cpu)?.device),
            #[cfg(feature = "libtorch")]
            Self::Libtorch => Ok(autochrome::kernels::libtorch::cpu()),
            #[cfg(feature = "libtorch")]
            Self::LibtorchCuda => Ok(autochrome::kernels::libtorch::cuda()?),
            #[cfg(feature = "gpu")]
            Self::Wgpu => Ok(open(DeviceArgument::Gpu)?.device),
            #[cfg(feature = "cuda")]
            Self::Cuda => Ok(Device::cuda(0)),
        }
    }
}
