//! `bench/RESULTS.md`: a section for each measurement, replaced when it is repeated, so that a run of
//! a few cases leaves the others.

use anyhow::Result;
use std::fs;
use std::path::Path;

/// Text above the sections.
const HEAD: &str = "# Benchmarks

Autochrome and onnxruntime on the same weights and input, alternating. `cargo bench-native` and `cargo bench-web` write this file; each section says when and on what kind of machine it was measured. A ratio above 1 says that Autochrome is quicker. Times are medians with the quickest and slowest run.
";

/// Puts sections, title and text, in the place of those with the same titles.
pub fn write(root: &Path, sections: &[(String, String)]) -> Result<()> {
    let path = root.join("bench/RESULTS.md");
    let old = fs::read_to_string(&path).unwrap_or_default();
    fs::write(path, merged(&old, sections, &machine()))?;
    Ok(())
}

fn merged(old: &str, fresh: &[(String, String)], machine: &str) -> String {
    let mut sections: Vec<(String, String)> = old
        .split("\n## ")
        .skip(1)
        .filter_map(|section| section.split_once('\n'))
        .map(|(title, text)| (title.to_owned(), text.trim().to_owned()))
        .collect();
    for (title, text) in fresh {
        let text = format!("{machine}\n\n{}", text.trim());
        match sections.iter_mut().find(|(known, _)| known == title) {
            Some(section) => section.1 = text,
            None => sections.push((title.clone(), text)),
        }
    }
    sections.sort_by(|a, b| a.0.cmp(&b.0));
    let sections: String = sections.iter().map(|(title, text)| format!("\n## {title}\n\n{text}\n")).collect();
    format!("{HEAD}{sections}")
}

/// Date, kind of processor and system; nothing that names the machine.
fn machine() -> String {
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        processor.lines().find_map(|line| line.split_once(':').filter(|(key, _)| key.trim() == name))
    };
    let kind = field("model name").map_or("unknown processor", |(_, value)| value.trim());
    let flags: Vec<&str> = field("flags").map_or_else(Vec::new, |(_, value)| value.split(' ').collect());
    let wide = ["avx", "avx2", "fma", "avx512f", "avx512_vnni", "amx_tile"];
    let wide: Vec<&str> = wide.into_iter().filter(|name| flags.contains(name)).collect();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (system, features) = (std::env::consts::OS, wide.join(", "));
    format!("{}, {cores} cores ({kind}; {features}), {system}.", today())
}

/// The date, in days since 1970 turned into a calendar's (proleptic Gregorian).
fn today() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    date(now.as_secs() / 86400)
}

fn date(days: u64) -> String {
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let (mut year, mut left) = (1970, days);
    while left >= 365 + u64::from(leap(year)) {
        left -= 365 + u64::from(leap(year));
        year += 1;
    }
    let mut month = 1;
    for length in [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if left < length {
            break;
        }
        left -= length;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", left + 1)
}

/// Median and ends of some times.
#[derive(Clone, Copy)]
pub struct Spread {
    /// The middle one.
    pub median: f64,
    least: f64,
    most: f64,
}

impl Spread {
    /// Of at least one time.
    pub fn of(mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        let (low, high) = ((times.len() - 1) / 2, times.len() / 2);
        let median = f64::midpoint(times[low], times[high]);
        Self { median, least: times[0], most: times[times.len() - 1] }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.0} ms ({:.0}–{:.0})", self.median, self.least, self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_takes_the_place_of_the_older_one() {
        let section = |title: &str, text: &str| (title.to_owned(), text.to_owned());
        let first = merged("", &[section("b", "old"), section("a", "kept")], "machine");
        let second = merged(&first, &[section("b", "new")], "other");
        assert_eq!(second, format!("{HEAD}\n## a\n\nmachine\n\nkept\n\n## b\n\nother\n\nnew\n"));
    }

    #[test]
    fn days_become_dates() {
        assert_eq!(
            [0, 58, 59, 789, 20_778].map(date),
            ["1970-01-01", "1970-02-28", "1970-03-01", "1972-02-29", "2026-11-21"]
        );
    }

    #[test]
    fn the_median_of_an_even_number_of_times_lies_between_two() {
        assert_eq!(Spread::of(vec![4.0, 1.0, 3.0, 2.0]).to_string(), "2 ms (1–4)");
        assert_eq!(Spread::of(vec![4.0, 1.0, 3.0, 2.0]).median, 2.5);
    }
}
