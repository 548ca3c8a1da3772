//! The table of what the loss of each region leaves of a run, and the same as JSON. Judges nothing.

use super::{
    layout::{Column, Page},
    style::{Style, Tone},
};
use crate::plan::{LostRegion, LostRegions, Standing, StepWithout};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const ID_WIDTH_MAX: usize = 32;
/// The longest word of a cell.
const CELL_WIDTH: usize = 7;

pub fn lost_regions_json(table: &LostRegions) -> Value {
    json!(table)
}

pub fn lost_regions_screen(table: &LostRegions, style: &Style) -> String {
    let mut page = Page::new(style);
    let title = format!(
        "{} without a region: make {} active, from {}, as a {}",
        table.runbook, table.to, table.from, table.mode
    );
    page.line(0, Tone::Strong, &title);
    page.line(0, Tone::Faint, "each column is the plan that is made when that region alone is declared lost");
    if !table.refused_anyway.is_empty() {
        page.blank();
        page.line(0, Tone::Bad, "Refused with every region there, too");
        for (step, refusal) in &table.refused_anyway {
            let text = format!("{} ({})", refusal.message, refusal.code);
            page.labelled(2, &format!("{step}  "), step.as_str().chars().count() + 2, Tone::Plain, &text);
        }
    }
    matrix(&mut page, table);
    for region in &table.regions {
        page.blank();
        closing(&mut page, table, region);
    }
    page.finish()
}

/// The steps down, the regions across. Where the page is too narrow for all regions, a second matrix follows.
fn matrix(page: &mut Page<'_>, table: &LostRegions) {
    let Some(first) = table.regions.first() else { return };
    let id_width = first.steps.iter().map(|step| step.id.as_str().chars().count()).max().unwrap_or(0);
    let id_width = id_width.min(ID_WIDTH_MAX);
    let width = |region: &LostRegion| region.region.as_str().chars().count().max(CELL_WIDTH);
    let widest = table.regions.iter().map(width).max().unwrap_or(CELL_WIDTH);
    let across = (page.room(id_width + 7) / (widest + 2)).max(1);
    for regions in table.regions.chunks(across) {
        page.blank();
        let heading = regions.iter().map(|region| Column(region.region.as_str(), width(region), Tone::Strong));
        let columns: Vec<Column<'_>> = std::iter::once(Column("", id_width + 5, Tone::Plain)).chain(heading).collect();
        page.row(0, &columns);
        for (index, step) in first.steps.iter().enumerate() {
            let number = format!("{:>2}.", index + 1);
            let mut columns = vec![Column(&number, 3, Tone::Plain), Column(step.id.as_str(), id_width, Tone::Plain)];
            columns.extend(regions.iter().map(|region| {
                let (word, tone) = region.steps.get(index).map_or(("", Tone::Plain), |step| cell(step.standing));
                Column(word, width(region), tone)
            }));
            page.row(0, &columns);
        }
    }
    if first.steps.iter().any(|step| step.standing == Standing::Independent) {
        page.line(5, Tone::Faint, "– needs no control plane: a check, a task or a gate");
    }
}

fn cell(standing: Standing) -> (&'static str, Tone) {
    match standing {
        Standing::Works => ("works", Tone::Good),
        Standing::Independent => ("–", Tone::Faint),
        Standing::Owed => ("owed", Tone::Warning),
        Standing::Refused => ("refused", Tone::Bad),
        Standing::Skipped => ("skipped", Tone::Faint),
    }
}

/// The region's verdict, and the steps that it is made of.
fn closing(page: &mut Page<'_>, table: &LostRegions, region: &LostRegion) {
    let (tone, verdict) = verdict(table, region);
    page.line(0, tone, &format!("{} ({}): {verdict}", region.region, region.holds.join(", ")));
    let listed: Vec<&StepWithout> = region
        .standing(Standing::Refused)
        .filter(|step| !is_refused_anyway(table, step))
        .chain(region.standing(Standing::Owed))
        .collect();
    let id_width = listed.iter().map(|step| step.id.as_str().chars().count()).max().unwrap_or(0).min(ID_WIDTH_MAX);
    for step in listed {
        let (word, tone) = cell(step.standing);
        let label = format!("{:<id_width$}  {word:<CELL_WIDTH$}  ", step.id);
        let width = label.chars().count();
        page.labelled(
            2,
            &label,
            width,
            if step.standing == Standing::Refused { tone } else { Tone::Plain },
            &why(step),
        );
    }
    for warning in &region.warnings {
        page.labelled(2, "warning: ", 9, Tone::Warning, &warning.message);
        page.labelled(2, "hint: ", 6, Tone::Plain, &warning.hint);
    }
}

fn why(step: &StepWithout) -> String {
    if step.lost.is_empty() {
        let refusals: Vec<&str> = step.refusals.iter().map(|refusal| refusal.message.as_str()).collect();
        return refusals.join("; ");
    }
    let planes: BTreeSet<String> = step.lost.iter().map(ToString::to_string).collect();
    format!("needs {}", planes.into_iter().collect::<Vec<_>>().join(" and "))
}

fn is_refused_anyway(table: &LostRegions, step: &StepWithout) -> bool {
    let known = |code: &str| table.refused_anyway.iter().any(|(id, refusal)| *id == step.id && refusal.code == code);
    step.lost.is_empty() && step.refusals.iter().all(|refusal| known(&refusal.code))
}

fn verdict(table: &LostRegions, region: &LostRegion) -> (Tone, String) {
    let mode = table.mode;
    let owed = region.standing(Standing::Owed).count();
    let leaves = match owed {
        0 => String::new(),
        1 => "; 1 step is owed, to be done later".to_owned(),
        owed => format!("; {owed} steps are owed, to be done later"),
    };
    if region.completes {
        return (Tone::Good, format!("the {mode} can be completed without it{leaves}"));
    }
    if region.standing(Standing::Refused).all(|step| is_refused_anyway(table, step)) {
        return (Tone::Warning, format!("its loss alone refuses nothing{leaves}"));
    }
    (Tone::Bad, format!("the {mode} cannot be completed without it; a run is refused before it begins"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{plan::Warning, report::sample};
    use lifeboat_contract::Refusal;

    fn table(regions: &[&str]) -> LostRegions {
        let plan = sample::failover();
        let lost = |region: &&str| LostRegion::of(&(*region).into(), vec!["site r1".to_owned()], &plan);
        LostRegions {
            runbook: plan.runbook.name.clone(),
            to: plan.to.clone(),
            from: plan.from.clone(),
            mode: plan.mode,
            refused_anyway: Vec::new(),
            regions: regions.iter().map(lost).collect(),
        }
    }

    #[test]
    fn a_region_says_what_is_left_without_it() {
        let mut table = table(&["us-east-1"]);
        table.regions[0].warnings = vec![Warning {
            code: "region.executor".to_owned(),
            message: "this program runs in us-east-1".to_owned(),
            hint: "run it elsewhere".to_owned(),
        }];
        insta::assert_snapshot!(lost_regions_screen(&table, &Style { color: false, width: 100 }), @r"
        region-failover without a region: make r2 active, from r1, as a failover
        each column is the plan that is made when that region alone is declared lost

                               us-east-1
         1.  standby-ready     –
         2.  promote-database  works
         3.  open-standby      works
         4.  close-active      works
         5.  drain-active      owed
         6.  announce          skipped
         7.  traffic-healthy   –
             – needs no control plane: a check, a task or a gate

        us-east-1 (site r1): the failover can be completed without it; 1 step is owed, to be done later
          drain-active  owed     needs elasticloadbalancing in us-east-1
          warning: this program runs in us-east-1
          hint: run it elsewhere
        ");
    }

    #[test]
    fn regions_that_do_not_fit_side_by_side_get_a_matrix_below() {
        let many = ["ap-southeast-1", "ap-southeast-2", "eu-central-1", "germanywestcentral", "us-east-1"];
        let screen = lost_regions_screen(&table(&many), &Style { color: false, width: 60 });
        assert!(screen.lines().all(|line| line.chars().count() <= 60), "{screen}");
        assert_eq!(screen.matches("2.  promote-database").count(), 5, "one region fits beside the steps\n{screen}");
        let screen = lost_regions_screen(&table(&many), &Style { color: false, width: 100 });
        assert!(screen.lines().all(|line| line.chars().count() <= 100), "{screen}");
        assert_eq!(screen.matches("2.  promote-database").count(), 2, "{screen}");
    }

    #[test]
    fn what_is_refused_with_every_region_there_is_not_laid_to_the_lost_one() {
        let plan = sample::refused();
        let refused_anyway: Vec<(_, Refusal)> =
            plan.refusals().map(|(step, refusal)| (step.id.clone(), refusal.clone())).collect();
        let regions = vec![LostRegion::of(&"eu-west-1".into(), vec!["site r3".to_owned()], &plan)];
        let table = LostRegions { refused_anyway, regions, ..table(&[]) };
        let screen = lost_regions_screen(&table, &Style { color: false, width: 100 });
        assert!(
            screen.contains("Refused with every region there, too\n  promote-database  the replication lag"),
            "{screen}"
        );
        assert!(screen.ends_with("eu-west-1 (site r3): its loss alone refuses nothing\n"), "{screen}");
    }
}
