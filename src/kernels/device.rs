//! The device a network runs on, chosen at run time.

use crate::error::{Error, Result};
use burn::prelude::Device;
use std::str::FromStr;

/// The device that the user asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// The GPU where there is a real one, else the CPU.
    #[default]
    Auto,
    /// The processor (burn-flex).
    Cpu,
    /// The graphics processor (burn-wgpu): WebGPU in the browser, Vulkan, Metal or DX12 outside.
    Gpu,
}

impl FromStr for DeviceChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "gpu" | "webgpu" => Ok(Self::Gpu),
            _ => Err(Error::Parameter { name: "device", value: text.to_owned(), range: "auto, cpu or gpu" }),
        }
    }
}

/// The kind of a device in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceKind {
    /// The processor.
    Cpu,
    /// A graphics adapter, or a program that stands in for one.
    Gpu,
}

/// A device in use, and why it was chosen.
#[derive(Clone, Debug)]
pub struct ComputeDevice {
    /// Burn's handle.
    pub device: Device,
    /// CPU or GPU.
    pub kind: DeviceKind,
    /// Name of the adapter, or `CPU`.
    pub name: String,
    /// One phrase for people: why this one.
    pub reason: String,
}

impl ComputeDevice {
    /// Opens a device.
    ///
    /// In a browser the caller must have seen a WebGPU adapter before it asks for the GPU.
    ///
    /// # Errors
    /// [`Error::NoDevice`] where none of that kind can be had.
    pub async fn open(choice: DeviceChoice) -> Result<Self> {
        match choice {
            DeviceChoice::Cpu => cpu("asked for".to_owned()),
            DeviceChoice::Gpu => gpu("asked for").await.map(|found| found.device),
            DeviceChoice::Auto => match gpu("found").await {
                Ok(found) if !found.software || cpu(String::new()).is_err() => Ok(found.device),
                Ok(found) => cpu(format!("the only adapter, {}, is software", found.device.name)),
                Err(error) => cpu(error.to_string()),
            },
        }
    }
}

#[cfg(feature = "cpu")]
fn cpu(reason: String) -> Result<ComputeDevice> {
    Ok(ComputeDevice { device: Device::flex(), kind: DeviceKind::Cpu, name: "CPU".to_owned(), reason })
}

#[cfg(not(feature = "cpu"))]
fn cpu(_: String) -> Result<ComputeDevice> {
    Err(Error::NoDevice("this build has no CPU engine".to_owned()))
}

struct FoundGpu {
    device: ComputeDevice,
    /// Whether the adapter is a program.
    software: bool,
}

/// A device of wgpu's, looked at once.
#[cfg(feature = "gpu")]
#[derive(Clone)]
struct Adapter {
    device: Device,
    name: String,
    software: bool,
    /// Why its answers cannot be used.
    fault: Option<String>,
}

#[cfg(feature = "gpu")]
async fn adapter() -> Result<Adapter> {
    use burn::tensor::wgpu::wgpu::DeviceType;
    use std::sync::OnceLock;

    // Burn's runtime can be initialised once in a process.
    static OPENED: OnceLock<Adapter> = OnceLock::new();

    if let Some(adapter) = OPENED.get() {
        return Ok(adapter.clone());
    }
    let (device, setup) = Device::wgpu_options()
        .init_with_setup_async()
        .await
        .map_err(|error| Error::NoDevice(error.to_string()))?;
    let info = setup.adapter.get_info();
    let name = if info.name.is_empty() { "WebGPU".to_owned() } else { info.name.clone() };
    let fault = super::device_check::fault(&device).await.unwrap_or_else(|error| Some(error.to_string()));
    let adapter = Adapter { device, name, software: info.device_type == DeviceType::Cpu, fault };
    // Another caller may have been quicker; its device is as good.
    Ok(OPENED.get_or_init(|| adapter).clone())
}

#[cfg(feature = "gpu")]
async fn gpu(reason: &str) -> Result<FoundGpu> {
    let Adapter { device, name, software, fault } = adapter().await?;
    if let Some(fault) = fault {
        return Err(Error::NoDevice(format!("{name} failed its check: it computed {fault}")));
    }
    let device = ComputeDevice { device, kind: DeviceKind::Gpu, name, reason: reason.to_owned() };
    Ok(FoundGpu { device, software })
}

#[cfg(not(feature = "gpu"))]
#[expect(clippy::unused_async, reason = "the same signature as with the feature")]
async fn gpu(_: &str) -> Result<FoundGpu> {
    Err(Error::NoDevice("this build has no GPU engine".to_owned()))
}
