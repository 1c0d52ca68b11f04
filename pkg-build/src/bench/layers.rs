//! Where a forward pass spends its time: the convolutions of each kind and size.

use super::results::Spread;
use super::{Model, Prepared};
use crate::process::command;
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

#[derive(Deserialize)]
struct Pass {
    milliseconds: f64,
    convolutions: Vec<Convolution>,
}

#[derive(Deserialize)]
struct Convolution {
    kernel: usize,
    stride: usize,
    dilation: usize,
    doubling: bool,
    depthwise: bool,
    height: usize,
    width: usize,
    /// Multiply-adds by definition.
    products: u64,
    milliseconds: f64,
}

/// Rows of the table: what is computed alike, whatever the channels.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    name: String,
    height: usize,
    width: usize,
}

impl Convolution {
    fn kind(&self) -> Kind {
        let Self { kernel, stride, dilation, height, width, .. } = *self;
        let name = match (kernel, stride, dilation) {
            (_, 1, _) if self.depthwise => format!("{kernel} x {kernel}, depthwise"),
            _ if self.depthwise => format!("{kernel} x {kernel}, depthwise, stride {stride}"),
            _ if self.doubling => "4 x 4, doubling: a product for each phase".to_owned(),
            (3, 1, 1) => "3 x 3: Winograd F(4 x 4, 3 x 3)".to_owned(),
            (3, 1, step) => format!("3 x 3, dilation {step}: Winograd on interleaved grids"),
            (_, 1, _) => format!("{kernel} x {kernel}: product"),
            _ => format!("{kernel} x {kernel}, stride {stride}: gathered product"),
        };
        Kind { name, height, width }
    }
}

/// The table of a model, on one thread.
pub fn table(root: &Path, prepared: &Prepared, model: &Model, runs: usize) -> Result<String> {
    let output = command(&prepared.side, "layers", root)
        .arg(&model.ours)
        .arg(prepared.folder.join("lightness.npy"))
        .arg(runs.to_string())
        .env("RAYON_NUM_THREADS", "1")
        .output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let passes: Vec<Pass> = serde_json::from_slice(&output.stdout)?;
    let first = passes.first().context("no pass was measured")?;

    let mut rows: BTreeMap<Kind, (usize, u64, Vec<f64>)> = BTreeMap::new();
    for convolution in &first.convolutions {
        let (count, products, _) = rows.entry(convolution.kind()).or_insert((0, 0, vec![0.0; passes.len()]));
        *count += 1;
        *products += convolution.products;
    }
    for (index, pass) in passes.iter().enumerate() {
        for convolution in &pass.convolutions {
            let row = rows.get_mut(&convolution.kind()).context("every pass runs the same")?;
            row.2[index] += convolution.milliseconds;
        }
    }
    let whole = Spread::of(passes.iter().map(|pass| pass.milliseconds).collect()).median;
    let mut rows: Vec<_> = rows
        .into_iter()
        .map(|(kind, (count, products, times))| (kind, count, products, Spread::of(times).median))
        .collect();
    rows.sort_by(|a, b| b.3.total_cmp(&a.3));

    let mut text = "| convolutions | output | how many | multiply-adds | time | share | multiply-adds per second |\n|---|---|---|---|---|---|---|\n".to_owned();
    let mut sum = 0.0;
    for (Kind { name, height, width }, count, products, time) in rows {
        sum += time;
        let billions = products as f64 / 1e9;
        writeln!(
            text,
            "| {name} | {height} x {width} | {count} | {billions:.2} billion | {time:.1} ms | {:.0} % | {:.0} billion |",
            100.0 * time / whole,
            1e3 * billions / time
        )?;
    }
    writeln!(text, "| all else | | | | {:.1} ms | {:.0} % | |", whole - sum, 100.0 * (whole - sum) / whole)?;
    write!(
        text,
        "\nOne thread, 256 x 256, medians of {runs} passes; {whole:.1} ms in all. Multiply-adds are those of the definition: Winograd's F(4 x 4, 3 x 3) does with a quarter of them. A convolution's time has bias, sum, ReLU and norm in it."
    )?;
    Ok(text)
}
