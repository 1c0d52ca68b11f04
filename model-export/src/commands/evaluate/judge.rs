//! The classifier that says whether photographs still show what they showed.

use crate::dataset::Dataset;
use crate::input;
use anyhow::{Context, Result, ensure};
use autochrome::image::photo::Photo;
use autochrome::kernels::device::{ComputeDevice, DeviceChoice};
use autochrome::model::weights::MAX_FILE;
use autochrome::training::classifier::{ClassifierFile, Question};
use std::path::Path;

/// A classifier, and where it was read from.
pub struct Judge {
    pub name: String,
    pub classifier: ClassifierFile,
}

impl Judge {
    /// Reads a classifier. It is small and runs on the processor, so that its answers are the same
    /// whatever the models run on.
    ///
    /// # Errors
    /// For a file that is no classifier.
    pub fn open(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let bytes = input::bytes(path, MAX_FILE as u64)?;
        let cpu = pollster::block_on(ComputeDevice::open(DeviceChoice::Cpu))?;
        let classifier = ClassifierFile::read(&bytes, &cpu.device).with_context(|| name.clone())?;
        Ok(Self { name, classifier })
    }

    /// Only the photographs that it never saw.
    ///
    /// # Errors
    /// If that is none.
    pub fn held_out(&self, set: Dataset) -> Result<Dataset> {
        let held_out = self.classifier.preparation.held_out;
        set.only(|item| held_out.holds(item.name), "the classifier holds none of the photographs out")
    }

    /// Whether it can be asked about any of the photographs.
    ///
    /// # Errors
    /// If not, saying why.
    pub fn check(&self, set: &Dataset) -> Result<()> {
        let questions = || (0..set.len()).map(|index| self.question(set, index));
        let unknown = questions().filter(|question| *question == Question::UnknownLabel).count();
        ensure!(
            questions().any(|question| matches!(question, Question::Asked(_))),
            "{}: there is no photograph to ask about: {unknown} have no label that it knows (the column \
             `class` of a manifest.csv beside them says it), {} are not held out from its training",
            self.name,
            set.len() - unknown
        );
        Ok(())
    }

    /// The question that it is asked about a photograph.
    pub fn question(&self, set: &Dataset, index: usize) -> Question {
        let item = set.item(index);
        self.classifier.question(item.name, item.source, item.label)
    }

    /// Whether it finds that label.
    pub fn recognizes(&self, photo: &Photo, place: usize) -> bool {
        self.classifier.recognize(&[(photo, place)]) == [place]
    }
}
