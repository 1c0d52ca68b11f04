//! `cargo bench-native`: the tool against onnxruntime, and where the tool's time goes.

use super::results::{self, Spread};
use super::{Model, Prepared, layers, prepare};
use crate::process::{command, run};
use crate::requirements;
use anyhow::{Context, Result, ensure};
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::thread::sleep;
use std::time::Duration;

/// Before each turn: threads of the other side that still spin have gone to sleep.
const PAUSE: Duration = Duration::from_millis(200);

/// Passes of a turn. After a pause even the processors sleep, and a virtual one takes long to wake: the
/// first pass is told apart from those that follow it at once.
const TURN: usize = 4;

/// The tool's pieces of work in their order.
const WORK: [&str; 7] = ["decode", "resize", "lab", "network", "annealed_mean", "upsampling", "encode"];

/// Runs the cases whose name contains `only`: `network-eccv16`, `network-default`, `layers-eccv16`,
/// `layers-default`, `stages`.
pub fn native(root: &Path, runs: usize, only: Option<&str>) -> Result<ExitCode> {
    let wanted = |name: &str| only.is_none_or(|part| name.contains(part));
    let prepared = prepare(root)?;
    let mut sections = Vec::new();
    let networks: Vec<&Model> =
        prepared.models.iter().filter(|model| wanted(&format!("network-{}", model.name))).collect();
    if !networks.is_empty() {
        let python = requirements::python(root)?;
        for model in networks {
            let text = network(root, &prepared, model, &python, runs)?;
            sections.push((format!("Native network-{}", model.name), text));
        }
    }
    for model in prepared.models.iter().filter(|model| wanted(&format!("layers-{}", model.name))) {
        let text = layers::table(root, &prepared, model, runs)?;
        sections.push((format!("Native layers-{}", model.name), text));
    }
    if wanted("stages") {
        sections.push(("Native stages".to_owned(), stages(root, &prepared, runs)?));
    }
    ensure!(
        !sections.is_empty(),
        "no case has that name: network-eccv16, network-default, layers-eccv16, layers-default, stages"
    );
    for (title, text) in &sections {
        println!("\n{title}\n\n{text}");
    }
    results::write(root, &sections)?;
    Ok(ExitCode::SUCCESS)
}

/// One side: a process that answers a line with the milliseconds of a pass.
struct Side {
    child: Child,
    ask: ChildStdin,
    answer: BufReader<ChildStdout>,
}

impl Side {
    fn start(command: &mut Command) -> Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let ask = child.stdin.take().context("its stdin is ours")?;
        let answer = BufReader::new(child.stdout.take().context("its stdout is ours")?);
        let mut side = Self { child, ask, answer };
        let ready = side.line()?;
        ensure!(ready == "ready", "one side did not start: {ready:?}");
        Ok(side)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.answer.read_line(&mut line)?;
        Ok(line.trim().to_owned())
    }

    fn pass(&mut self) -> Result<f64> {
        writeln!(self.ask)?;
        let line = self.line()?;
        line.parse().with_context(|| format!("one side stopped: {line:?}"))
    }

    /// The first pass after a pause, and the middle one of the others.
    fn turn(&mut self) -> Result<[f64; 2]> {
        sleep(PAUSE);
        let first = self.pass()?;
        let others = (1..TURN).map(|_| self.pass()).collect::<Result<_>>()?;
        Ok([first, Spread::of(others).median])
    }

    fn end(mut self) -> Result<()> {
        drop(self.ask);
        self.child.wait()?;
        Ok(())
    }
}

fn network(root: &Path, prepared: &Prepared, model: &Model, python: &Path, runs: usize) -> Result<String> {
    let lightness = prepared.folder.join("lightness.npy");
    let peer = |what: &str| {
        let mut peer = command(python, "bench/peer.py", root);
        peer.arg(what).arg(&model.theirs).arg(&lightness);
        peer
    };
    let logits = prepared.folder.join("logits.npy");
    run(command(&prepared.tool, "forward --device cpu", root)
        .arg(&lightness)
        .arg("--model")
        .arg(&model.ours)
        .arg("--out")
        .arg(&logits))?;
    let difference = peer("agree").arg(&logits).output()?.stdout;
    let difference: f64 =
        String::from_utf8_lossy(&difference).trim().parse().context("onnxruntime did not run")?;

    let mut text =
        "Forward pass at 256 x 256.\n\n| threads | pass | Autochrome | onnxruntime | ratio |\n|---|---|---|---|---|\n"
            .to_owned();
    for (name, threads) in [("1", "1"), ("all", "0")] {
        let mut ours = Side::start(
            command(&prepared.side, "network", root)
                .arg(&model.ours)
                .arg(&lightness)
                .env("RAYON_NUM_THREADS", threads),
        )?;
        let mut theirs = Side::start(peer("network").arg(threads))?;
        // Of each kind of pass, and then of each side.
        let mut times = [const { [const { Vec::new() }; 2] }; 2];
        for turn in 0..=runs {
            for (number, side) in [&mut ours, &mut theirs].into_iter().enumerate() {
                let passes = side.turn()?;
                // The first turn allocates and packs.
                if turn > 0 {
                    passes.into_iter().zip(&mut times).for_each(|(time, times)| times[number].push(time));
                }
            }
        }
        ours.end()?;
        theirs.end()?;
        for (kind, times) in ["after a pause", "after another"].into_iter().zip(times) {
            let [ours, theirs] = times.map(Spread::of);
            let ratio = theirs.median / ours.median;
            writeln!(text, "| {name} | {kind} | {ours} | {theirs} | {ratio:.2} |")?;
        }
    }
    write!(
        text,
        "\nThe sides take turns of {TURN} passes, {} ms apart. Largest difference of logits, as a share of the largest one: {difference:.1e}.",
        PAUSE.as_millis()
    )?;
    Ok(text)
}

/// Medians of the tool's own timings, for photographs of three sizes.
fn stages(root: &Path, prepared: &Prepared, runs: usize) -> Result<String> {
    let mut text = format!("| milliseconds | {} | all |\n|---|", WORK.join(" | ").replace('_', " "));
    text.push_str(&"---|".repeat(WORK.len() + 1));
    for (name, file) in
        [("1 megapixel", "1mp.jpg"), ("12 megapixels", "12mp.jpg"), ("48 megapixels", "48mp.jpg")]
    {
        let mut times = WORK.map(|_| Vec::new());
        for _ in 0..runs {
            let measured = prepared.folder.join("timings.json");
            run(command(&prepared.tool, "colorize --device cpu", root)
                .arg(prepared.folder.join(file))
                .arg("--out")
                .arg(prepared.folder.join("coloured.jpg"))
                .arg("--timings")
                .arg(&measured))?;
            let measured: serde_json::Value = serde_json::from_str(&fs::read_to_string(measured)?)?;
            for (work, times) in WORK.iter().zip(&mut times) {
                let time = measured[0]["milliseconds"][work].as_f64();
                times.push(time.with_context(|| format!("the tool did not time {work}"))?);
            }
        }
        let medians = times.map(|times| Spread::of(times).median);
        write!(text, "\n| {name} |")?;
        for median in medians.into_iter().chain([medians.iter().sum()]) {
            write!(text, " {median:.0} |")?;
        }
    }
    text.push_str(
        "\n\nThe default model, JPEG in and out, all threads, a process for each run (its first pass). `lab` is lightness at the working size; at full size Lab is part of `upsampling`.",
    );
    Ok(text)
}
