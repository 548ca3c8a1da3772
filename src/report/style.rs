//! How text may look: whether there is colour, and how wide the screen is. Colour never carries a meaning of its own.

use console::Term;

/// The widest that any screen gets; longer lines are hard to follow with the eye.
const WIDTH_MAX: usize = 100;
const WIDTH_MIN: usize = 60;

/// What an output can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    pub color: bool,
    /// In columns.
    pub width: usize,
}

/// Why a piece of text stands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Strong,
    Faint,
    Good,
    Warning,
    Bad,
}

impl Style {
    /// As standard output allows. `NO_COLOR` and a pipe have no colour.
    pub fn stdout() -> Self {
        Self::of(&Term::stdout(), console::colors_enabled())
    }

    /// As standard error allows.
    pub fn stderr() -> Self {
        Self::of(&Term::stderr(), console::colors_enabled_stderr())
    }

    fn of(term: &Term, color: bool) -> Self {
        let width = term.size_checked().map_or(WIDTH_MAX, |(_, columns)| usize::from(columns));
        Self { color, width: width.clamp(WIDTH_MIN, WIDTH_MAX) }
    }

    pub(super) fn paint(&self, tone: Tone, text: &str) -> String {
        let style = console::Style::new().force_styling(true);
        let style = match tone {
            _ if !self.color || text.is_empty() => return text.to_owned(),
            Tone::Plain => return text.to_owned(),
            Tone::Strong => style.bold(),
            Tone::Faint => style.dim(),
            Tone::Good => style.green(),
            Tone::Warning => style.yellow(),
            Tone::Bad => style.red().bold(),
        };
        style.apply_to(text).to_string()
    }
}
