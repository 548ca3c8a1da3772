//! What each step of a runbook needs of regions, as far as the runbook alone tells. Judges nothing.

use super::{
    layout::{Column, Page},
    style::{Style, Tone},
};
use crate::runbook::{Needs, OnImpaired, StepNeeds};
use std::collections::{BTreeMap, BTreeSet};

const ID_WIDTH_MAX: usize = 32;
const WORD_WIDTH: usize = 7;

/// `lost` says what the words are about: `us-east-1`, or each region by itself.
pub fn needs_screen(runbook: &str, lost: &str, needs: &[Needs], style: &Style) -> String {
    let mut page = Page::new(style);
    page.line(0, Tone::Strong, &format!("{runbook} without {lost}, as far as the runbook alone tells"));
    let ids = needs.iter().flat_map(|needs| &needs.steps).map(|step| step.id.as_str().chars().count());
    let id_width = ids.max().unwrap_or(0).min(ID_WIDTH_MAX);
    for direction in needs {
        page.blank();
        page.line(0, Tone::Plain, &format!("to make {} active, from {}", direction.to, direction.from));
        for step in &direction.steps {
            let (word, tone) = standing(step);
            let planes = planes(step);
            let hang = 2 + id_width + 2 + WORD_WIDTH + 2;
            if hang + planes.chars().count() <= style.width {
                let id = Column(step.id.as_str(), id_width, Tone::Plain);
                page.row(2, &[id, Column(word, WORD_WIDTH, tone), Column(&planes, 0, Tone::Plain)]);
            } else {
                let label = format!("{:<id_width$}  {word:<WORD_WIDTH$}  ", step.id);
                page.labelled(2, &label, hang - 2, Tone::Plain, &planes);
            }
        }
    }
    page.blank();
    page.line(0, Tone::Faint, "– needs no control plane that the runbook tells; `lifeboat plan` sees more");
    page.finish()
}

fn standing(step: &StepNeeds) -> (&'static str, Tone) {
    match (step.planes.is_empty(), step.lost.is_empty(), step.on_impaired) {
        (true, _, _) => ("–", Tone::Faint),
        (false, true, _) => ("works", Tone::Good),
        (false, false, Some(OnImpaired::Skip)) => ("owed", Tone::Warning),
        (false, false, _) => ("refused", Tone::Bad),
    }
}

/// By service: `rds in us-east-1, eu-west-1; cloudwatch in eu-west-1`.
fn planes(step: &StepNeeds) -> String {
    let mut services: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for plane in &step.planes {
        let regions = services.entry(&plane.service).or_default();
        regions.extend(plane.region.as_ref().map(lifeboat_contract::Region::as_str));
    }
    let said = services.into_iter().map(|(service, regions)| {
        let regions: Vec<&str> = regions.into_iter().collect();
        if regions.is_empty() { service.to_owned() } else { format!("{service} in {}", regions.join(", ")) }
    });
    said.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use lifeboat_contract::ControlPlane;

    #[test]
    fn every_step_says_what_it_needs_and_what_becomes_of_it() {
        let plane =
            |service: &str, region: &str| ControlPlane { service: service.to_owned(), region: Some(region.into()) };
        let step = |id: &str, planes: &[ControlPlane], lost: &[ControlPlane], on_impaired| StepNeeds {
            id: id.into(),
            planes: planes.iter().cloned().collect(),
            lost: lost.iter().cloned().collect(),
            on_impaired,
        };
        let (east, west) = (plane("rds", "us-east-1"), plane("rds", "us-west-2"));
        let needs = Needs {
            to: "r2".into(),
            from: "r1".into(),
            steps: vec![
                step("ready", &[], &[], None),
                step("promote", &[east.clone(), west.clone()], &[], None),
                step("drain", std::slice::from_ref(&east), std::slice::from_ref(&east), Some(OnImpaired::Skip)),
                step("open", std::slice::from_ref(&west), std::slice::from_ref(&west), Some(OnImpaired::Refuse)),
            ],
        };
        let screen = needs_screen("orders", "each region by itself", &[needs], &Style { color: false, width: 80 });
        insta::assert_snapshot!(screen, @r"
        orders without each region by itself, as far as the runbook alone tells

        to make r2 active, from r1
          ready    –
          promote  works    rds in us-east-1, us-west-2
          drain    owed     rds in us-east-1
          open     refused  rds in us-west-2

        – needs no control plane that the runbook tells; `lifeboat plan` sees more
        ");
    }
}
