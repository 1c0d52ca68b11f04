//! Line plots as SVG.

use anyhow::{Result, anyhow};
use maud::{Markup, PreEscaped, html};
use plotters::coord::Shift;
use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::prelude::*;
use std::ops::Range;

/// Units of the drawing. Text keeps a readable size when it is shrunk to a phone's width.
const SIZE: (u32, u32) = (540, 360);

/// Colours that differ for colour-blind eyes too (Okabe and Ito), of those the ones that stand out
/// from white and from black.
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(128, 128, 128),
];

/// Axes and grid: seen on white and on black.
const LINES: RGBColor = RGBColor(128, 128, 128);

/// One axis.
pub struct Axis {
    /// Quantity and unit.
    pub label: String,
    /// Whether equal steps are equal factors; values that are not above 0 are left out then.
    pub logarithmic: bool,
}

/// One line.
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// x and y, in the order of drawing. Points that are not finite are left out.
    pub points: Vec<[f64; 2]>,
    /// Whether each point is marked.
    pub markers: bool,
}

/// Lines over two axes.
pub struct Plot {
    /// The subject of the plot, and how to read it.
    pub caption: String,
    /// Horizontal.
    pub x: Axis,
    /// Vertical.
    pub y: Axis,
    /// The lines; the eighth has the colour of the first again.
    pub series: Vec<Series>,
}

impl Plot {
    /// Whether a point has a place on the axes.
    fn shows(&self, [x, y]: [f64; 2]) -> bool {
        let on = |axis: &Axis, v: f64| v.is_finite() && !(axis.logarithmic && v <= 0.0);
        on(&self.x, x) && on(&self.y, y)
    }

    /// The values of an axis (0 or 1) that hold all points, with a little room.
    fn range(&self, axis: usize) -> Range<f64> {
        let points = self.series.iter().flat_map(|series| &series.points).filter(|p| self.shows(**p));
        let (low, high) = points
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), p| (low.min(p[axis]), high.max(p[axis])));
        if [&self.x, &self.y][axis].logarithmic {
            return if low > high { 1.0..10.0 } else { low / 1.1..high * 1.1 };
        }
        match high - low {
            span if span > 0.0 => low - 0.04 * span..high + 0.04 * span,
            _ if low.is_finite() => low - 1.0..high + 1.0,
            _ => 0.0..1.0,
        }
    }

    /// The drawing alone, without legend and caption.
    ///
    /// # Errors
    /// Where it cannot be drawn.
    pub fn svg(&self) -> Result<String> {
        let mut svg = String::new();
        {
            let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
            let (x, y) = (self.range(0), self.range(1));
            match (self.x.logarithmic, self.y.logarithmic) {
                (false, false) => self.draw(&area, x, y),
                (true, false) => self.draw(&area, x.log_scale(), y),
                (false, true) => self.draw(&area, x, y.log_scale()),
                (true, true) => self.draw(&area, x.log_scale(), y.log_scale()),
            }?;
            area.present().map_err(cannot)?;
        }
        Ok(svg)
    }

    fn draw<X, Y>(&self, area: &DrawingArea<SVGBackend, Shift>, x: X, y: Y) -> Result<()>
    where
        X: AsRangedCoord<Value = f64>,
        Y: AsRangedCoord<Value = f64>,
        X::CoordDescType: ValueFormatter<f64>,
        Y::CoordDescType: ValueFormatter<f64>,
    {
        let mut chart = ChartBuilder::on(area)
            .margin(8)
            .margin_right(20)
            .x_label_area_size(46)
            .y_label_area_size(66)
            .build_cartesian_2d(x, y)
            .map_err(cannot)?;
        chart
            .configure_mesh()
            .x_desc(&self.x.label)
            .y_desc(&self.y.label)
            .x_labels(6)
            .y_labels(7)
            .x_label_formatter(&|v| tick(*v))
            .y_label_formatter(&|v| tick(*v))
            .axis_desc_style(("sans-serif", 15))
            .label_style(("sans-serif", 14))
            .axis_style(LINES)
            .bold_line_style(LINES.mix(0.3))
            .light_line_style(TRANSPARENT)
            .draw()
            .map_err(cannot)?;
        for (series, colour) in self.series.iter().zip(COLOURS.iter().cycle()) {
            let points: Vec<(f64, f64)> =
                series.points.iter().filter(|p| self.shows(**p)).map(|p| (p[0], p[1])).collect();
            chart.draw_series(LineSeries::new(points.clone(), colour.stroke_width(2))).map_err(cannot)?;
            if series.markers {
                let marks = points.into_iter().map(|point| Circle::new(point, 3, colour.filled()));
                chart.draw_series(marks).map_err(cannot)?;
            }
        }
        Ok(())
    }

    /// The drawing with legend and caption.
    pub(super) fn figure(&self) -> Result<Markup> {
        let svg = self.svg()?;
        Ok(html! {
            figure.plot {
                div role="img" aria-label={ (self.caption) " Lines: " (self.names()) "." } {
                    (PreEscaped(svg))
                }
                ul.legend {
                    @for (series, RGBColor(r, g, b)) in self.series.iter().zip(COLOURS.iter().cycle()) {
                        li { span style={ "background:rgb(" (r) "," (g) "," (b) ")" } {} (series.name) }
                    }
                }
                figcaption { (self.caption) }
            }
        })
    }

    fn names(&self) -> String {
        self.series.iter().map(|series| series.name.as_str()).collect::<Vec<_>>().join(", ")
    }
}

fn cannot(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("cannot draw a plot: {error}")
}

/// A number at an axis: short, and without what floating point adds to it.
fn tick(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-3..1e6).contains(&size) {
        return format!("{value:.1e}");
    }
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(logarithmic: [bool; 2], points: Vec<[f64; 2]>) -> Plot {
        let axis = |label: &str, logarithmic| Axis { label: label.to_owned(), logarithmic };
        Plot {
            caption: "Loss by step".to_owned(),
            x: axis("step", logarithmic[0]),
            y: axis("loss", logarithmic[1]),
            series: vec![Series { name: "training".to_owned(), points, markers: false }],
        }
    }

    /// The points of the one line of a drawing.
    fn line(svg: &str) -> Vec<[f64; 2]> {
        let start = svg.find("stroke=\"#0072B2\"").expect("a line in the first colour");
        let points = svg[start..].split("points=\"").nth(1).unwrap().split('"').next().unwrap();
        let pair = |pair: &str| {
            let (x, y) = pair.split_once(',').unwrap();
            [x.parse().unwrap(), y.parse().unwrap()]
        };
        points.split_whitespace().map(pair).collect()
    }

    #[test]
    fn a_logarithmic_axis_makes_equal_factors_equal_steps() {
        let points = vec![[1.0, 0.0], [10.0, 1.0], [100.0, 2.0]];
        for (logarithmic, even) in [(true, true), (false, false)] {
            let drawn = line(&plot([logarithmic, false], points.clone()).svg().unwrap());
            let steps = [drawn[1][0] - drawn[0][0], drawn[2][0] - drawn[1][0]];
            assert_eq!((steps[0] - steps[1]).abs() <= 2.0, even, "{drawn:?}");
            assert!(drawn[0][1] > drawn[1][1] && drawn[1][1] > drawn[2][1], "up is more: {drawn:?}");
        }
        let loss = vec![[0.0, 1.0], [1.0, 10.0], [2.0, 100.0]];
        let drawn = line(&plot([false, true], loss).svg().unwrap());
        assert!((drawn[0][1] + drawn[2][1] - 2.0 * drawn[1][1]).abs() <= 2.0, "{drawn:?}");
    }

    #[test]
    fn what_has_no_place_on_the_axes_is_left_out() {
        let points = vec![[0.0, 1.0], [1.0, f64::NAN], [2.0, 3.0], [f64::INFINITY, 1.0], [3.0, 2.0]];
        assert_eq!(line(&plot([false; 2], points.clone()).svg().unwrap()).len(), 3);
        assert_eq!(line(&plot([true, false], points).svg().unwrap()).len(), 2);
    }

    #[test]
    fn few_points_are_drawn_too() {
        for points in [vec![], vec![[0.0, 0.0]], vec![[5.0, 2.0]; 3]] {
            for logarithmic in [[false; 2], [true; 2]] {
                assert!(plot(logarithmic, points.clone()).svg().unwrap().contains("</svg>"));
            }
        }
    }

    #[test]
    fn ticks_are_short() {
        for (value, text) in
            [(0.1 + 0.2, "0.3"), (0.0, "0"), (20.0, "20"), (-1.5, "-1.5"), (1e-5, "1.0e-5"), (2.5e7, "2.5e7")]
        {
            assert_eq!(tick(value), text);
        }
    }
}
