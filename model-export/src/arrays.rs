//! NumPy files in and out.

use anyhow::{Context, Result, bail, ensure};
use npyz::{AutoSerialize, DType, NpyFile, Order, WriterBuilder};
use std::io::BufReader;
use std::path::Path;

use crate::input;
use crate::output::write_whole;

/// An f32 (or f64, narrowed) array in C order: its shape and elements.
pub fn read(path: &Path) -> Result<(Vec<usize>, Vec<f32>)> {
    let (shape, values) = open(path)?;
    Ok(match values {
        Values::F32(values) => (shape, values),
        Values::F64(values) => (shape, values.into_iter().map(|v| v as f32).collect()),
    })
}

/// An f64 (or f32, widened) array in C order: its shape and elements.
pub fn read_f64(path: &Path) -> Result<(Vec<usize>, Vec<f64>)> {
    let (shape, values) = open(path)?;
    Ok(match values {
        Values::F32(values) => (shape, values.into_iter().map(f64::from).collect()),
        Values::F64(values) => (shape, values),
    })
}

enum Values {
    F32(Vec<f32>),
    F64(Vec<f64>),
}

fn open(path: &Path) -> Result<(Vec<usize>, Values)> {
    let name = path.display();
    let file = input::open(path).with_context(|| format!("cannot read {name}"))?;
    let length = file.metadata().with_context(|| format!("cannot read {name}"))?.len();
    let array = NpyFile::new(BufReader::new(file)).with_context(|| format!("{name} is not a .npy file"))?;
    ensure!(array.order() == Order::C, "{name} is in Fortran order; save it with numpy.ascontiguousarray");
    let cut = || format!("{name} cannot be read to its end");
    // Before there is memory for what the header claims.
    let elements = array.shape().iter().try_fold(1u64, |product, n| product.checked_mul(*n));
    ensure!(elements.is_some_and(|elements| elements <= length), cut());
    let shape: Vec<usize> = array.shape().iter().map(|n| *n as usize).collect();
    let values = match array.dtype() {
        DType::Plain(t) if t.to_string().ends_with("f4") => Values::F32(array.into_vec().with_context(cut)?),
        DType::Plain(t) if t.to_string().ends_with("f8") => Values::F64(array.into_vec().with_context(cut)?),
        other => bail!("{name} holds {}; f32 or f64 is needed", other.descr()),
    };
    Ok((shape, values))
}

/// Writes an array in C order.
pub fn write<T: AutoSerialize>(path: &Path, shape: &[usize], values: &[T]) -> Result<()> {
    let shape: Vec<u64> = shape.iter().map(|n| *n as u64).collect();
    write_whole(path, |out| {
        let mut writer = npyz::WriteOptions::new().default_dtype().shape(&shape).writer(out).begin_nd()?;
        writer.extend(values.iter())?;
        writer.finish()?;
        Ok(())
    })
}
