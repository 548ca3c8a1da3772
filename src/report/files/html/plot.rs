//! Lines over time as static SVG, drawn by plotters: figures that grow and shrink.

use super::chart::{
    AXIS, GUTTER, Moment, Paint, RIGHT, Seconds, Undrawn, Width, finish, label_moments, letters, moments_height,
    some_time, undrawn,
};
use plotters::prelude::*;
use std::io;

/// A line; where it is interrupted, another of the same paint follows.
pub(super) struct Line {
    pub(super) points: Vec<(f64, f64)>,
    pub(super) paint: Paint,
}

pub(super) struct Plot<'p> {
    pub(super) title: String,
    pub(super) lines: Vec<Line>,
    /// Single findings.
    pub(super) dots: Vec<(f64, f64)>,
    /// What the figure must not exceed.
    pub(super) limit: Option<f64>,
    pub(super) moments: &'p [Moment],
    pub(super) span: (f64, f64),
}

const HEIGHT: u32 = 180;
const DASHES: u32 = 50;

impl Plot<'_> {
    /// The plot; both axes count seconds.
    pub(super) fn svg(&self, width: Width) -> io::Result<String> {
        let mut svg = String::new();
        self.draw(&mut svg, width).map_err(undrawn)?;
        Ok(finish(&svg, &self.title))
    }

    fn draw(&self, svg: &mut String, width: Width) -> Result<(), Undrawn> {
        let top = moments_height(self.moments);
        let root = SVGBackend::with_string(svg, (width.pixels(), HEIGHT + top)).into_drawing_area();
        let (from, to) = some_time(self.span);
        let values = self.lines.iter().flat_map(|line| &line.points).chain(&self.dots).map(|point| point.1);
        let highest = values.chain(self.limit).fold(0.001, f64::max) * 1.08;
        let left = if width == Width::Wide { GUTTER } else { 56 };
        let mut chart = ChartBuilder::on(&root)
            .margin_right(RIGHT)
            .margin_top(top)
            .x_label_area_size(AXIS)
            .y_label_area_size(left)
            .build_cartesian_2d(Seconds::new(from, to, width.ticks_max()), Seconds::new(0.0, highest, 5))?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(Paint::Line.colour())
            .axis_style(Paint::Soft.colour())
            .label_style(letters(Paint::Soft))
            .draw()?;
        if let Some(limit) = self.limit {
            let step = (to - from) / f64::from(DASHES);
            for dash in 0..DASHES {
                let start = from + step * f64::from(dash);
                let ends = [(start, limit), (start + step * 0.6, limit)];
                chart.draw_series(LineSeries::new(ends, Paint::Soft.colour().stroke_width(2)))?;
            }
        }
        for line in &self.lines {
            chart.draw_series(LineSeries::new(line.points.clone(), line.paint.colour().stroke_width(2)))?;
        }
        let dots = self.dots.iter().map(|at| Circle::new(*at, 5, Paint::Ink.colour().filled()));
        chart.draw_series(dots)?;
        for moment in self.moments {
            for style in moment.strokes() {
                chart.draw_series(LineSeries::new([(moment.at, 0.0), (moment.at, highest)], style))?;
            }
        }
        label_moments(&root, self.moments, width, |at| chart.backend_coord(&(at, 0.0)).0)?;
        root.present()
    }
}
