//! The two readings of the photographs, and the scores of every method.

use super::Arguments;
use super::curve::Curve;
use super::examples::Examples;
use super::judge::Judge;
use crate::dataset::{Dataset, with_short_side};
use crate::isolation::isolated;
use crate::report::sheet::Thumbnail;
use crate::terminal::{Told, say};
use crate::{Usage, device, models};
use anyhow::{Context, Result, ensure};
use autochrome::color::lab::ToLab;
use autochrome::engine::{Colorizer, Mode, Tone, Unpaced};
use autochrome::image::photo::{Channels, Photo, Samples};
use autochrome::model::network::Output;
use autochrome::training::classifier::Question;
use autochrome::training::metrics::baselines::{Recolor, derangement, stretched};
use autochrome::training::metrics::{AreaUnderCurve, ColorPrior, Picture, Score};
use indicatif::ProgressBar;
use std::iter::repeat_n;
use std::path::Path;

/// The findings of the first reading.
pub struct Survey {
    /// Numbers of the photographs that can be read. A position in this list is what a photograph is
    /// called by from here on.
    pub readable: Vec<usize>,
    /// Of every pixel.
    pub prior: ColorPrior,
    /// Mean a and b of every pixel, CIE units.
    pub mean: [f64; 2],
}

/// Reads all photographs once. One that cannot be read is said on stderr and passed over.
///
/// # Errors
/// Where none can be read.
pub fn survey(set: &Dataset, size: Option<usize>, bar: &ProgressBar) -> Result<Survey> {
    let to_lab = ToLab::new();
    let (mut readable, mut prior) = (Vec::new(), ColorPrior::default());
    let (mut sum, mut pixels) = ([0.0; 2], 0.0);
    for index in 0..set.len() {
        match read(set, index, size).and_then(|photo| isolated(|| Ok(flat(&photo, &to_lab)))) {
            Ok(picture) => {
                readable.push(index);
                for ab in picture.ab() {
                    prior.add(*ab);
                    sum[0] += ab[0];
                    sum[1] += ab[1];
                    pixels += 1.0;
                }
            }
            Err(error) => bar.suspend(|| say!("passed over: {}", Told(&error))),
        }
        bar.inc(1);
    }
    ensure!(!readable.is_empty(), "none of the photographs can be read");
    Ok(Survey { readable, prior, mean: sum.map(|sum| sum / pixels) })
}

/// A photograph, with its short side brought to `size` where one is asked for.
fn read(set: &Dataset, index: usize, size: Option<usize>) -> Result<Photo> {
    let photo = set.read(index)?;
    match size {
        Some(short) => isolated(|| with_short_side(&photo, short)).with_context(|| set.whereabouts(index)),
        None => Ok(photo),
    }
}

/// A photograph as a person sees it.
fn flat(photo: &Photo, to_lab: &ToLab) -> Picture {
    Picture::new(photo.resized_over_white(photo.width(), photo.height()), to_lab)
}

/// A model under measurement.
pub struct Model {
    name: String,
    pub colorizer: Colorizer,
    /// The settings it is rendered with.
    pub tone: Tone,
    /// Whether these settings mean anything to it.
    pub has_distribution: bool,
    pub curve: Option<Curve>,
    pub examples: Option<Examples>,
    /// Largest difference of a logit (or of ab) from the first model's.
    pub difference: Option<f32>,
    /// Largest size of a logit (or of ab).
    pub largest: f32,
}

impl Model {
    /// Opens a model with the settings that were asked for, or its own.
    ///
    /// # Errors
    /// Where it cannot be read, or a setting means nothing to it.
    pub fn open(path: Option<&Path>, arguments: &Arguments) -> Result<Self> {
        let mut file = models::read(path)?;
        file.metadata.working_size = arguments.working_size.unwrap_or(file.metadata.working_size);
        let name = path.map_or_else(|| "the default model".to_owned(), |path| path.display().to_string());
        let device = device::open(arguments.device)?;
        let colorizer = Colorizer::new(file, device).with_context(|| name.clone())?;
        let network = &colorizer.metadata().network;
        let has_distribution = network.output() == Output::Logits;
        if !has_distribution && (arguments.temperature.is_some() || arguments.rebalance.is_some()) {
            let problem = format!(
                "{name}: {} predicts one colour for each pixel: --temperature and --rebalance mean nothing to it",
                network.name()
            );
            return Err(Usage(problem).into());
        }
        let default = colorizer.default_tone();
        let tone = Tone {
            temperature: arguments.temperature.unwrap_or(default.temperature),
            rebalance: arguments.rebalance.unwrap_or(default.rebalance),
            ..default
        };
        tone.check(colorizer.has_class_weights()).map_err(|error| Usage(format!("{name}: {error}")))?;
        let curve = match (arguments.curve, has_distribution) {
            (true, true) => {
                let rebalances: &[f32] =
                    if colorizer.has_class_weights() { &arguments.rebalances } else { &[1.0] };
                Some(Curve::new(&arguments.temperatures, rebalances, colorizer.class_weights())?)
            }
            (true, false) => {
                say!("{name}: one colour for each pixel, so there is no curve");
                None
            }
            (false, _) => None,
        };
        Ok(Self {
            name,
            colorizer,
            tone,
            has_distribution,
            curve,
            examples: None,
            difference: None,
            largest: 0.0,
        })
    }

    /// The photograph as a person gets it, and what the network gave.
    fn colour(&mut self, photo: &Photo, class_weights: &[f64]) -> Result<(Photo, Vec<f32>)> {
        pollster::block_on(async {
            let mut colorization = self.colorizer.colorize(photo, Mode::Photo, &[], &mut Unpaced).await?;
            let prediction = colorization.prediction().await?;
            if let (Some(curve), Some(distribution)) = (&mut self.curve, prediction.distribution()) {
                curve.add(photo, distribution, class_weights);
            }
            let output = prediction.planes();
            self.largest = output.iter().fold(self.largest, |largest, z| largest.max(z.abs()));
            Ok((colorization.render(photo.clone(), self.tone, &mut Unpaced).await?, output))
        })
    }
}

/// A model or a baseline, and what was gathered of it.
pub struct Method {
    pub name: String,
    /// One for each photograph, in the order of [`Survey::readable`].
    pub scores: Vec<Score>,
    /// Plain and balanced curve of each of [`Dataset::sources`].
    pub pooled: Vec<[AreaUnderCurve; 2]>,
    /// Whether the classifier recognised each photograph; `None` where it was not asked.
    pub recognized: Vec<Option<bool>>,
    /// The model, for a method that is one.
    pub model: Option<Model>,
}

impl Method {
    fn new(name: &str, plan: &Plan, model: Option<Model>) -> Self {
        Self {
            name: name.to_owned(),
            scores: Vec::with_capacity(plan.survey.readable.len()),
            pooled: vec![Default::default(); plan.set.sources().len()],
            recognized: Vec::new(),
            model,
        }
    }

    /// How far it has come, before a photograph of one source.
    fn mark(&self, source: usize) -> Mark {
        Mark {
            scores: self.scores.len(),
            recognized: self.recognized.len(),
            source,
            pooled: self.pooled[source].clone(),
            model: self.model.as_ref().map(|model| ModelMark {
                curve: model.curve.as_ref().map(Curve::mark),
                difference: model.difference,
                largest: model.largest,
            }),
        }
    }

    /// Back to before a photograph that failed half way.
    fn go_back(&mut self, Mark { scores, recognized, source, pooled, model }: Mark) {
        self.scores.truncate(scores);
        self.recognized.truncate(recognized);
        self.pooled[source] = pooled;
        if let (Some(own), Some(ModelMark { curve, difference, largest })) = (&mut self.model, model) {
            if let (Some(own), Some(areas)) = (&mut own.curve, curve) {
                own.go_back(areas);
            }
            (own.difference, own.largest) = (difference, largest);
            if let Some(examples) = &mut own.examples {
                examples.forget(scores);
            }
        }
    }

    fn add(&mut self, plan: &Plan, shot: &Shot, shown: &Picture) -> Result<Score> {
        let pooled = &mut self.pooled[shot.source];
        let score = Score::compare(&shot.truth, shown, plan.class_weights, pooled);
        self.scores.push(score);
        self.recognized.push(shot.recognized(plan, shown)?);
        Ok(score)
    }
}

/// The state of a [`Method`] before a photograph, to go back to.
struct Mark {
    scores: usize,
    recognized: usize,
    source: usize,
    pooled: [AreaUnderCurve; 2],
    model: Option<ModelMark>,
}

/// The state of a [`Model`] before a photograph.
struct ModelMark {
    /// Areas of the curve.
    curve: Option<Vec<[AreaUnderCurve; 2]>>,
    difference: Option<f32>,
    largest: f32,
}

/// A photograph under measurement.
struct Shot {
    truth: Picture,
    /// Width and height.
    size: (usize, usize),
    /// Place in [`Dataset::sources`].
    source: usize,
    /// The label that the classifier is asked for.
    label: Option<usize>,
}

impl Shot {
    /// Whether the classifier recognises it as it is shown; `None` where it is not asked.
    fn recognized(&self, plan: &Plan, shown: &Picture) -> Result<Option<bool>> {
        match (plan.judge, self.label) {
            (Some(judge), Some(label)) => Ok(Some(judge.recognizes(&photo(shown, self.size)?, label))),
            _ => Ok(None),
        }
    }
}

/// The photographs to measure on, and how.
pub struct Plan<'a> {
    pub set: &'a Dataset,
    pub survey: &'a Survey,
    pub size: Option<usize>,
    /// Of the balanced area: lambda 0.
    pub class_weights: &'a [f64],
    pub seed: u64,
    /// Whether photographs to look at are kept.
    pub examples: bool,
    /// Who says whether photographs still show what they showed.
    pub judge: Option<&'a Judge>,
}

/// The scores of all methods.
pub struct Measured {
    pub methods: Vec<Method>,
    /// Whether the classifier recognised each photograph as it is; `None` where it was not asked.
    pub truth: Vec<Option<bool>>,
    /// Numbers of the photographs that were measured, in the order of the scores: all of
    /// [`Survey::readable`] but those that failed.
    pub readable: Vec<usize>,
}

/// Measures models, and beside them the baselines: gray first, then the models, the mean colour of
/// the set, and the colours of another photograph where there is another. A photograph that fails is said
/// on stderr and left out of every method.
///
/// # Errors
/// Where none can be measured.
pub fn measure(plan: &Plan, models: Vec<Model>, bar: &ProgressBar) -> Result<Measured> {
    let count = plan.survey.readable.len();
    let donors = derangement(count, plan.seed);
    let of_model = |mut model: Model| {
        model.examples = plan.examples.then(|| Examples::new(count, plan.seed));
        Method::new(&model.name.clone(), plan, Some(model))
    };
    let mut bench = Bench {
        plan,
        to_lab: ToLab::new(),
        recolor: Recolor::default(),
        gray: Method::new("gray", plan, None),
        coloured: models.into_iter().map(of_model).collect(),
        mean: Method::new("mean", plan, None),
        random: donors.is_some().then(|| Method::new("random", plan, None)),
        recognized: Vec::with_capacity(count),
    };
    let mut measured = Vec::with_capacity(count);
    for (position, &index) in plan.survey.readable.iter().enumerate() {
        let name = plan.set.item(index).source;
        let source = plan.set.sources().iter().position(|source| source == name).unwrap_or_default();
        let marks: Vec<Mark> = bench.methods().map(|method| method.mark(source)).collect();
        let donor = donors.as_ref().map(|donors| plan.survey.readable[donors[position]]);
        let done = isolated(|| bench.add(measured.len(), index, source, donor));
        match done.with_context(|| plan.set.whereabouts(index)) {
            Ok(()) => measured.push(index),
            Err(error) => {
                bench.methods().zip(marks).for_each(|(method, mark)| method.go_back(mark));
                bench.recognized.truncate(measured.len());
                bar.suspend(|| say!("passed over: {}", Told(&error)));
            }
        }
        bar.inc(1);
    }
    ensure!(!measured.is_empty(), "none of the photographs can be measured");
    let Bench { gray, coloured, mean, random, recognized, .. } = bench;
    let methods = [gray].into_iter().chain(coloured).chain([mean]).chain(random).collect();
    Ok(Measured { methods, truth: recognized, readable: measured })
}

/// All methods while photographs are measured.
struct Bench<'a> {
    plan: &'a Plan<'a>,
    to_lab: ToLab,
    recolor: Recolor,
    gray: Method,
    coloured: Vec<Method>,
    mean: Method,
    /// Where there are two photographs.
    random: Option<Method>,
    recognized: Vec<Option<bool>>,
}

impl Bench<'_> {
    fn methods(&mut self) -> impl Iterator<Item = &mut Method> {
        let Self { gray, coloured, mean, random, .. } = self;
        [gray].into_iter().chain(coloured).chain([mean]).chain(random)
    }

    /// Adds a photograph, which gets a position among those measured.
    fn add(&mut self, position: usize, index: usize, source: usize, donor: Option<usize>) -> Result<()> {
        let Self { plan, to_lab, recolor, gray, coloured, mean, random, recognized } = self;
        let original = read(plan.set, index, plan.size)?;
        let size = (original.width(), original.height());
        let label = plan.judge.map(|judge| judge.question(plan.set, index));
        let truth = flat(&original, to_lab);
        let shot = Shot { truth, size, source, label: label.and_then(Question::place) };
        let truth = &shot.truth;
        let with =
            |ab: &mut dyn Iterator<Item = [f64; 2]>| Picture::new(recolor.with(truth.rgb(), ab), to_lab);
        let pixels = truth.ab().len();
        let without = with(&mut repeat_n([0.0; 2], pixels));
        let gray_error = gray.add(plan, &shot, &without)?.mean_error();
        mean.add(plan, &shot, &with(&mut repeat_n(plan.survey.mean, pixels)))?;
        if let (Some(random), Some(donor)) = (random, donor) {
            let donor = read(plan.set, donor, plan.size)?;
            let from = (donor.width(), donor.height());
            let ab = stretched(flat(&donor, to_lab).ab(), from, size);
            random.add(plan, &shot, &with(&mut ab.into_iter()))?;
        }
        recognized.push(shot.recognized(plan, truth)?);
        let mut first = None;
        for method in coloured.iter_mut() {
            let Some(model) = &mut method.model else { continue };
            let (result, output) = model.colour(&original, plan.class_weights)?;
            let first = first.get_or_insert_with(|| output.clone());
            if first.len() == output.len() {
                let differences = first.iter().zip(&output).map(|(a, b)| (a - b).abs());
                model.difference = Some(differences.fold(model.difference.unwrap_or(0.0), f32::max));
            }
            let shown = flat(&result, to_lab);
            let error = method.add(plan, &shot, &shown)?.mean_error();
            if let Some(examples) = method.model.as_mut().and_then(|model| model.examples.as_mut()) {
                examples.offer(position, error, gray_error, || {
                    let pictures = [&without, &shown, truth];
                    pictures.into_iter().map(|picture| Thumbnail::new(&photo(picture, size)?)).collect()
                })?;
            }
        }
        Ok(())
    }
}

fn photo(picture: &Picture, (width, height): (usize, usize)) -> Result<Photo> {
    Ok(Photo::new(width, height, Channels::Rgb, Samples::U8(picture.rgb().to_vec()))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use autochrome::kernels::device::{ComputeDevice, DeviceChoice};
    use image::{Rgb, RgbImage};
    use std::fs;
    use std::path::PathBuf;

    fn model() -> Model {
        let device = pollster::block_on(ComputeDevice::open(DeviceChoice::Cpu)).unwrap();
        let colorizer = Colorizer::new(autochrome_testing::seeded_small_unet(), device).unwrap();
        Model {
            name: "small".to_owned(),
            tone: colorizer.default_tone(),
            curve: Some(Curve::new(&[0.38], &[1.0], colorizer.class_weights()).unwrap()),
            colorizer,
            has_distribution: true,
            examples: None,
            difference: None,
            largest: 0.0,
        }
    }

    fn set_of(folder: &Path, names: &[&str]) -> Dataset {
        let paths: Vec<PathBuf> = names.iter().map(|name| folder.join(name)).collect();
        Dataset::open(&paths).unwrap()
    }

    /// Scores, areas and examples of gray and the model.
    fn figures(measured: &Measured, sources: &[usize]) -> Vec<String> {
        let of = |method: &Method| {
            let pooled: Vec<_> = sources.iter().map(|source| &method.pooled[*source]).collect();
            let model = method.model.as_ref();
            let curve = model.and_then(|model| model.curve.as_ref()).map(|curve| curve.points()[0].auc);
            let examples = model.and_then(|model| model.examples.as_ref());
            let shown = examples.map(|examples| {
                let kept = [&examples.best, &examples.worst];
                kept.map(|kept| kept.iter().map(|e| (e.position, e.error)).collect::<Vec<_>>())
            });
            format!("{:?} {pooled:?} {curve:?} {shown:?}", method.scores)
        };
        measured.methods[..2].iter().map(of).collect()
    }

    #[test]
    fn a_photograph_that_fails_half_way_leaves_no_trace() {
        let folder = tempfile::tempdir().unwrap();
        for (i, name) in ["a", "b", "c"].into_iter().enumerate() {
            fs::create_dir(folder.path().join(name)).unwrap();
            let picture = RgbImage::from_fn(40, 32, |x, y| {
                Rgb([(x * 5) as u8, (y * 7) as u8, (60 * i as u32 + x + y) as u8])
            });
            picture.save(folder.path().join(name).join("p.png")).unwrap();
        }
        let set = set_of(folder.path(), &["a", "b", "c"]);
        let bar = ProgressBar::hidden();
        let survey_of_all = survey(&set, None, &bar).unwrap();
        let weights = vec![1.0; autochrome::color::ab_bins::COUNT];
        let plan = |set, survey| Plan {
            set,
            survey,
            size: None,
            class_weights: &weights,
            seed: 0,
            examples: true,
            judge: None,
        };
        // What is left of the second cannot be read any more, for itself or for its colours.
        fs::write(folder.path().join("b/p.png"), "gone").unwrap();
        let measured = measure(&plan(&set, &survey_of_all), vec![model()], &bar).unwrap();
        // Gray was scored before the colours of the other photograph were missing.
        let missed: Vec<usize> = (0..3).filter(|index| !measured.readable.contains(index)).collect();
        assert!(missed.contains(&1) && missed.len() == 2, "{missed:?}");
        let kept = ["a", "b", "c"][measured.readable[0]];
        assert!(measured.methods.iter().all(|method| method.scores.len() == 1));
        assert_eq!(measured.truth.len(), 1);

        let alone = set_of(folder.path(), &[kept]);
        let expected =
            measure(&plan(&alone, &survey(&alone, None, &bar).unwrap()), vec![model()], &bar).unwrap();
        assert_eq!(figures(&measured, &measured.readable), figures(&expected, &[0]));
        let others = missed.iter().flat_map(|source| &measured.methods[1].pooled[*source]);
        assert!(others.into_iter().all(|area| area.trapezoid().is_nan() || area.trapezoid() == 0.0));
    }
}
