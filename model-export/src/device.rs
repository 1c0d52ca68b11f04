//! `--device`, and words about the device in use.

use crate::terminal::say;
use anyhow::Result;
use autochrome::kernels::device::{ComputeDevice, DeviceChoice, DeviceKind};
use burn::prelude::Device;
use clap::builder::RangedU64ValueParser;
use clap::{Args, ValueEnum};

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
    say!("device: {kind}{} ({})", device.name, device.reason);
    Ok(device)
}

/// Where a network is trained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum TrainingDevice {
    /// The processor, nothing to install
    #[default]
    Cpu,
    /// The processor through PyTorch's engine
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

/// The arguments of every command that trains: where, and with how many threads.
#[derive(Clone, Debug, Args)]
pub struct TrainingMachine {
    /// Where to train
    #[arg(long, value_enum, default_value_t)]
    device: TrainingDevice,
    /// Threads that make batches
    #[arg(long, default_value_t = 1, value_parser = RangedU64ValueParser::<usize>::new().range(1..=1024))]
    pub workers: usize,
    /// Threads that libtorch computes with [default: all cores]
    #[arg(long, value_parser = RangedU64ValueParser::<usize>::new().range(1..=1024))]
    threads: Option<usize>,
}

impl TrainingMachine {
    /// Opens the device.
    pub fn open(&self) -> Result<Device> {
        self.device.open(self.threads)
    }
}

impl TrainingDevice {
    /// Opens it. `threads` is for libtorch.
    fn open(self, threads: Option<usize>) -> Result<Device> {
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
