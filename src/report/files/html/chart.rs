//! Bars over time as static SVG, drawn by plotters.
//!
//! Plotters knows fixed colours only: each is a placeholder that becomes a variable of the style sheet, so that dark mode works.

use plotters::prelude::*;
use std::{io, time::Duration};

/// What a bar or a mark stands for; its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    Ink,
    Soft,
    Line,
    Step,
    Attempt,
    Wait,
    Undo,
    Good,
    Bad,
}

const PAINTS: [(Paint, &str); 9] = [
    (Paint::Ink, "ink"),
    (Paint::Soft, "soft"),
    (Paint::Line, "line"),
    (Paint::Step, "step"),
    (Paint::Attempt, "attempt"),
    (Paint::Wait, "wait"),
    (Paint::Undo, "undo"),
    (Paint::Good, "good"),
    (Paint::Bad, "bad"),
];

/// A labelled row of bars, in seconds since the start.
pub(super) struct Row {
    pub(super) label: String,
    pub(super) bars: Vec<(f64, f64, Paint)>,
}

/// A moment that stands through all rows.
pub(super) struct Moment {
    pub(super) at: f64,
    pub(super) label: &'static str,
    pub(super) paint: Paint,
}

pub(super) struct Chart<'c> {
    /// What it shows, for those who do not see it.
    pub(super) title: &'c str,
    pub(super) rows: Vec<Row>,
    pub(super) moments: Vec<Moment>,
    /// Where time begins and ends.
    pub(super) span: (f64, f64),
}

const ROW: u32 = 38;
const AXIS: u32 = 34;
const TOP: u32 = 22;

impl Chart<'_> {
    /// The chart at a width in pixels: a phone gets one of its own, so that letters keep their size.
    pub(super) fn svg(&self, width: u32) -> io::Result<String> {
        let rows = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        let height = rows.saturating_mul(ROW) + AXIS + TOP;
        let mut svg = String::new();
        self.draw(&mut svg, width, height, rows).map_err(|error| io::Error::other(error.to_string()))?;
        for (paint, name) in PAINTS {
            let RGBColor(r, g, b) = colour(paint);
            svg = svg.replace(&format!("\"#{r:02X}{g:02X}{b:02X}\""), &format!("\"var(--{name})\""));
        }
        let title = super::escaped(self.title);
        let open = format!("<svg role=\"img\" aria-label=\"{title}\" ");
        let svg = svg.replacen("<svg ", &open, 1);
        Ok(svg.replacen(">\n", &format!("><title>{title}</title>\n"), 1))
    }

    fn draw(
        &self,
        svg: &mut String,
        width: u32,
        height: u32,
        rows: u32,
    ) -> Result<(), DrawingAreaErrorKind<<SVGBackend<'static> as DrawingBackend>::ErrorType>> {
        let root = SVGBackend::with_string(svg, (width, height)).into_drawing_area();
        let (from, to) = self.span;
        let to = if to > from { to } else { from + 1.0 };
        let mut chart = ChartBuilder::on(&root)
            .margin_left(6)
            .margin_right(24)
            .margin_top(TOP)
            .x_label_area_size(AXIS)
            .build_cartesian_2d(from..to, 0.0..f64::from(rows))?;
        let small = ("sans-serif", 12).into_font();
        chart
            .configure_mesh()
            .disable_y_axis()
            .disable_y_mesh()
            .x_labels(if width < 500 { 4 } else { 9 })
            .light_line_style(TRANSPARENT)
            .bold_line_style(colour(Paint::Line))
            .axis_style(colour(Paint::Soft))
            .x_label_style(small.clone().color(&colour(Paint::Soft)))
            .x_label_formatter(&|seconds| moment(*seconds))
            .draw()?;
        for (number, row) in (0..rows).zip(&self.rows) {
            let top = f64::from(rows - number);
            for (start, end, paint) in &row.bars {
                // Attempts and tries lie on what contains them. A moment is still seen.
                let end = end.max(start + (to - from) / 400.0);
                let style = colour(*paint).filled();
                chart.draw_series([Rectangle::new([(*start, top - 0.9), (end, top - 0.5)], style)])?;
            }
            let label = Text::new(row.label.clone(), (from, top - 0.02), small.clone().color(&colour(Paint::Ink)));
            chart.draw_series([label])?;
        }
        for moment in &self.moments {
            let (at, paint) = (moment.at, colour(moment.paint));
            chart.draw_series(LineSeries::new([(at, 0.0), (at, f64::from(rows))], paint.stroke_width(2)))?;
            let place = (chart.backend_coord(&(at, 0.0)).0, 4);
            root.draw(&Text::new(moment.label, place, small.clone().color(&paint)))?;
        }
        root.present()
    }
}

fn moment(seconds: f64) -> String {
    let sign = if seconds < 0.0 { "-" } else { "" };
    let duration = Duration::try_from_secs_f64(seconds.abs()).unwrap_or_default();
    format!("{sign}{}", crate::report::duration::words(duration))
}

fn colour(paint: Paint) -> RGBColor {
    let number = PAINTS.iter().position(|(one, _)| *one == paint).and_then(|at| u8::try_from(at).ok());
    RGBColor(1, 2, number.unwrap_or_default() + 1)
}
