//! Rows of bars over time as static SVG, drawn by plotters.
//!
//! Plotters knows fixed colours only: each is a placeholder that becomes a variable of the style sheet, so that dark mode works.

use plotters::{
    coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter},
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};
use std::{fmt, io, ops::Range, time::Duration};

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
    /// Around a mark, so that it is seen on any bar.
    Page,
    /// One of several of a kind.
    Nth(usize),
}

/// So many colours there are for several of a kind; then they begin anew.
const OF_A_KIND: usize = 4;

const PAINTS: [(Paint, &str); 14] = [
    (Paint::Ink, "ink"),
    (Paint::Soft, "soft"),
    (Paint::Line, "line"),
    (Paint::Step, "step"),
    (Paint::Attempt, "attempt"),
    (Paint::Wait, "wait"),
    (Paint::Undo, "undo"),
    (Paint::Good, "good"),
    (Paint::Bad, "bad"),
    (Paint::Page, "page"),
    (Paint::Nth(0), "nth-1"),
    (Paint::Nth(1), "nth-2"),
    (Paint::Nth(2), "nth-3"),
    (Paint::Nth(3), "nth-4"),
];

impl Paint {
    /// Its variable in the style sheet.
    pub(super) fn variable(self) -> &'static str {
        PAINTS[self.number()].1
    }

    fn number(self) -> usize {
        let wanted = if let Self::Nth(n) = self { Self::Nth(n % OF_A_KIND) } else { self };
        PAINTS.iter().position(|(one, _)| *one == wanted).unwrap_or_default()
    }

    pub(super) fn colour(self) -> RGBColor {
        RGBColor(1, 2, u8::try_from(self.number()).unwrap_or_default() + 1)
    }
}

/// A labelled row of bars.
pub(super) struct Row {
    pub(super) label: String,
    /// What is said of it in a word or two.
    pub(super) told: String,
    pub(super) bars: Vec<Bar>,
}

/// A bar from one second to another, in a part of its row's height.
pub(super) struct Bar {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) paint: Paint,
}

/// A moment that stands through all rows.
#[derive(Debug, Clone)]
pub(super) struct Moment {
    pub(super) at: f64,
    pub(super) label: String,
    pub(super) paint: Paint,
}

impl Moment {
    /// The line that marks it, and before that what sets it off from bars.
    pub(super) fn strokes(&self) -> [ShapeStyle; 2] {
        [Paint::Page.colour().stroke_width(6), self.paint.colour().stroke_width(2)]
    }
}

pub(super) struct Chart<'c> {
    /// What it shows, for those who do not see it.
    pub(super) title: String,
    pub(super) rows: Vec<Row>,
    pub(super) moments: &'c [Moment],
    /// Where time begins and ends.
    pub(super) span: (f64, f64),
}

/// What plotters raises while it draws into a string.
pub(super) type Undrawn = DrawingAreaErrorKind<<SVGBackend<'static> as DrawingBackend>::ErrorType>;

/// A phone gets a chart of its own, so that letters keep their size: its labels stand above their bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Width {
    Wide,
    Narrow,
}

impl Width {
    pub(super) const fn pixels(self) -> u32 {
        match self {
            Self::Wide => 960,
            Self::Narrow => 350,
        }
    }

    const fn row(self) -> u32 {
        match self {
            Self::Wide => 26,
            Self::Narrow => 42,
        }
    }

    /// The lower and the upper end of the bars in a row.
    const fn band(self) -> (f64, f64) {
        match self {
            Self::Wide => (0.16, 0.84),
            Self::Narrow => (0.08, 0.5),
        }
    }

    const fn label_max(self) -> usize {
        match self {
            Self::Wide => 23,
            Self::Narrow => 26,
        }
    }

    pub(super) const fn ticks_max(self) -> u32 {
        match self {
            Self::Wide => 8,
            Self::Narrow => 4,
        }
    }
}

pub(super) const GUTTER: u32 = 310;
pub(super) const AXIS: u32 = 28;
pub(super) const RIGHT: u32 = 26;
/// Plotters makes letters smaller than it was told: these are 13 pixels high.
const LETTERS: u32 = 16;
const MOMENT: u32 = 17;

impl Chart<'_> {
    pub(super) fn svg(&self, width: Width) -> io::Result<String> {
        let rows = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        let height = rows.saturating_mul(width.row()) + AXIS + moments_height(self.moments);
        let mut svg = String::new();
        self.draw(&mut svg, width, height, rows).map_err(undrawn)?;
        Ok(finish(&svg, &self.title))
    }

    fn draw(&self, svg: &mut String, width: Width, height: u32, rows: u32) -> Result<(), Undrawn> {
        let root = SVGBackend::with_string(svg, (width.pixels(), height)).into_drawing_area();
        let (from, to) = some_time(self.span);
        let mut chart = ChartBuilder::on(&root)
            .margin_left(if width == Width::Wide { GUTTER } else { 14 })
            .margin_right(RIGHT)
            .margin_top(moments_height(self.moments))
            .x_label_area_size(AXIS)
            .build_cartesian_2d(Seconds::new(from, to, width.ticks_max()), 0.0..f64::from(rows))?;
        chart
            .configure_mesh()
            .disable_y_axis()
            .disable_y_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(Paint::Line.colour())
            .axis_style(Paint::Soft.colour())
            .x_label_style(letters(Paint::Soft))
            .draw()?;
        let (low, high) = width.band();
        for (number, row) in (0..rows).zip(&self.rows) {
            let floor = f64::from(rows - number - 1);
            for bar in &row.bars {
                // What took no time is still seen.
                let end = bar.to.max(bar.from + (to - from) / 400.0);
                let height = |part: f64| floor + low + (high - low) * part;
                let corners = [(bar.from, height(bar.low)), (end, height(bar.high))];
                chart.draw_series([Rectangle::new(corners, bar.paint.colour().filled())])?;
            }
        }
        for moment in self.moments {
            // Beside labels that stand above bars, a line would run through them.
            let pieces: Vec<(f64, f64)> = match width {
                Width::Wide => vec![(0.0, f64::from(rows))],
                Width::Narrow => {
                    (0..rows).map(|row| (f64::from(row) + low - 0.05, f64::from(row) + high + 0.05)).collect()
                }
            };
            for (lower, upper) in pieces {
                for style in moment.strokes() {
                    chart.draw_series(LineSeries::new([(moment.at, lower), (moment.at, upper)], style))?;
                }
            }
        }
        label_moments(&root, self.moments, width, |at| chart.backend_coord(&(at, 0.0)).0)?;
        for (number, row) in (0..rows).zip(&self.rows) {
            let floor = f64::from(rows - number - 1);
            let middle = if width == Width::Wide { 0.5 } else { 0.75 };
            let y = chart.backend_coord(&(from, floor + middle)).1;
            let edge = if width == Width::Wide { GUTTER - 10 } else { width.pixels() - 4 };
            let edge = i32::try_from(edge).unwrap_or_default();
            let label = Text::new(clipped(&row.label, width.label_max()), (4, y), at_middle(Paint::Ink, HPos::Left));
            root.draw(&label)?;
            root.draw(&Text::new(clipped(&row.told, 20), (edge, y), at_middle(Paint::Soft, HPos::Right)))?;
        }
        root.present()
    }
}

pub(super) fn moments_height(moments: &[Moment]) -> u32 {
    u32::try_from(moments.len()).unwrap_or_default() * MOMENT + 8
}

/// Each label has a line of its own, so that none lies on another, and stands on the side of its mark where there is more room.
pub(super) fn label_moments(
    root: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    moments: &[Moment],
    width: Width,
    x_of: impl Fn(f64) -> i32,
) -> Result<(), Undrawn> {
    let middle = i32::try_from(width.pixels() / 2).unwrap_or_default();
    let mut y = i32::try_from(MOMENT / 2 + 2).unwrap_or_default();
    for moment in moments {
        let x = x_of(moment.at);
        let (x, side) = if x > middle { (x + 1, HPos::Right) } else { (x - 1, HPos::Left) };
        let text = clipped(&moment.label, 26);
        root.draw(&Text::new(text, (x, y), at_middle(moment.paint, side)))?;
        y += i32::try_from(MOMENT).unwrap_or_default();
    }
    Ok(())
}

pub(super) fn undrawn(error: impl fmt::Display) -> io::Error {
    io::Error::other(error.to_string())
}

/// Colours become variables, and the chart gets its name.
pub(super) fn finish(svg: &str, title: &str) -> String {
    let mut svg = svg.to_owned();
    for (paint, name) in PAINTS {
        let RGBColor(r, g, b) = paint.colour();
        svg = svg.replace(&format!("\"#{r:02X}{g:02X}{b:02X}\""), &format!("\"var(--{name})\""));
    }
    let title = super::escaped(title);
    let open = format!("<svg role=\"img\" aria-label=\"{title}\" ");
    let svg = svg.replacen("<svg ", &open, 1);
    svg.replacen(">\n", &format!("><title>{title}</title>\n"), 1)
}

pub(super) fn letters(paint: Paint) -> TextStyle<'static> {
    ("sans-serif", LETTERS).into_font().color(&paint.colour())
}

fn at_middle(paint: Paint, side: HPos) -> TextStyle<'static> {
    letters(paint).pos(Pos::new(side, VPos::Center))
}

/// What does not fit ends in dots; the table has it whole.
fn clipped(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    text.chars().take(max - 1).chain(['…']).collect()
}

/// A span of time that is not empty.
pub(super) fn some_time((from, to): (f64, f64)) -> (f64, f64) {
    (from, if to > from { to } else { from + 1.0 })
}

/// An axis of seconds with marks at round times. Plotters' own marks stand at round numbers.
pub(super) struct Seconds {
    range: Range<f64>,
    ticks: Vec<f64>,
}

impl Seconds {
    pub(super) fn new(from: f64, to: f64, ticks_max: u32) -> Self {
        Self { range: from..to, ticks: ticks(from, to, ticks_max) }
    }
}

impl Ranged for Seconds {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let part = (value - self.range.start) / (self.range.end - self.range.start);
        #[expect(clippy::cast_possible_truncation, reason = "pixels of a chart")]
        let pixels = (f64::from(limit.1 - limit.0) * part).round() as i32;
        limit.0 + pixels
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() { Vec::new() } else { self.ticks.clone() }
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

impl ValueFormatter<f64> for Seconds {
    fn format_ext(&self, seconds: &f64) -> String {
        time(*seconds)
    }
}

/// Round times, at most so many.
fn ticks(from: f64, to: f64, max: u32) -> Vec<f64> {
    const STEPS: [f64; 24] = [
        0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0,
        3600.0, 7200.0, 14400.0, 21600.0, 43200.0, 86400.0,
    ];
    let at = |step: f64| -> Vec<f64> {
        let first = (from / step).ceil();
        (0..=max).map(|n| (first + f64::from(n)) * step).take_while(|at| *at <= to).collect()
    };
    let fits =
        STEPS.iter().map(|step| at(*step)).find(|list| u32::try_from(list.len()).is_ok_and(|count| count <= max));
    fits.unwrap_or_else(|| vec![from, to])
}

/// A time on an axis.
fn time(seconds: f64) -> String {
    let sign = if seconds < 0.0 { "−" } else { "" };
    let duration = Duration::try_from_secs_f64(seconds.abs()).unwrap_or_default();
    format!("{sign}{}", crate::report::duration::words(duration))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        assert_eq!(ticks(0.0, 188.0, 8), [0.0, 30.0, 60.0, 90.0, 120.0, 150.0, 180.0]);
        assert_eq!(ticks(-20.0, 188.0, 4), [0.0, 60.0, 120.0, 180.0]);
        assert_eq!(ticks(0.0, 0.04, 4), [0.0, 0.02, 0.04]);
        assert_eq!(ticks(0.0, 1e9, 4), [0.0, 1e9], "years");
    }

    #[test]
    fn every_paint_is_another_colour() {
        let mut colours: Vec<_> = PAINTS.iter().map(|(paint, _)| paint.colour().2).collect();
        colours.dedup();
        assert_eq!(colours.len(), PAINTS.len());
        assert_eq!(Paint::Nth(5).variable(), "nth-2");
    }
}
