//! What the check finds.

use super::fixture::{HEAD, STEPS, Test, catalog, edited, steps, whole};
use crate::runbook::{Lost, Source, check_without};

#[test]
fn a_sound_runbook_has_no_findings() {
    whole(&format!("{HEAD}{STEPS}")).finds(&[]);
}

#[test]
fn fields() {
    edited("summary:", "sumary:").finds(&[("LB0101", "sumary", "unknown field `sumary`", "did you mean `summary`?")]);
    edited("    timeout: 1m", "    timeuot: 1m").finds(&[("LB0101", "timeuot", "unknown field", "`timeout`")]);
    edited("percent: 0 }", "percent: 0, purcent: 1 }").finds(&[("LB0101", "purcent", "unknown field", "`percent`")]);
    edited("\"1111\"", "1111").finds(&[("LB0102", "1111", "expected text, found a number", "quote it: \"1111\"")]);
    edited("percent: 0 }", "percent: none }").finds(&[(
        "LB0102",
        "none",
        "expected a whole number from 0 to 255, found the text",
        "",
    )]);
    edited("name: demo\n", "").finds(&[("LB0103", "lifeboat: 1", "missing field `name`", "name")]);
    edited(", percent: 0", "").finds(&[("LB0103", "with", "missing field `percent`", "percent")]);
    edited("lifeboat: 1", "lifeboat: 2").finds(&[("LB0006", "2", "version 1", "lifeboat: 1")]);
    edited("rpo: 30s", "rpo: 30").finds(&[("LB0105", "30", "no unit", "`30s`")]);
    edited("timeout: 1m", "timeout: 1 m").finds(&[("LB0105", "1 m", "not a duration", "90s")]);
    edited("timeout: 1m", "on_failure: rolback").finds(&[("LB0104", "rolback", "not one of", "`rollback`")]);
    edited("timeout: 1m", "retry: { attempts: 0 }").finds(&[("LB0108", "0", "between 1 and 20", "")]);
    edited("{ env: DEMO_TOKEN }", "{ env: A, file: b }").finds(&[("LB0109", "TOKEN", "one source", "")]);
    edited("url: \"https://r1/\"", "url: \"https://r1/\", region: x").finds(&[(
        "LB0109",
        "region",
        "cannot be called",
        "",
    )]);
    edited("type: number, default: 100", "type: nunber").finds(&[("LB0104", "nunber", "not one of", "`number`")]);
    edited("default: blue", "default: 5").finds(&[("LB0102", "5", "must be text", "quote it")]);
}

#[test]
fn a_kind_reports_its_own_values_where_they_stand() {
    edited("percent: 0 }", "percent: 101 }").finds(&[("LB0108", "101", "101 is more than 100 percent", "")]);
    edited("default: 100", "default: 150").finds(&[("LB0108", "${{ inputs.share }}", "150 is more", "")]);
    edited("percent: 0 }", "percent: 0, pause: 5 }").finds(&[("LB0105", "5", "`5` has no unit", "`5s`")]);
    edited("percent: 0 }", "percent: 0, region: 5 }").finds(&[("LB0102", "5", "expected text", "quote it: \"5\"")]);
    edited("percent: 0 }", "percent: 0, pause: soon }").finds(&[("LB0105", "soon", "not a duration", "")]);
    edited("percent: 0 }", "percent: 300 }").finds(&[("LB0108", "300", "255", "")]);
}

#[test]
fn the_graph() {
    edited("id: close", "id: open").finds(&[("LB0201", "open", "that of step 2", "")]);
    edited("    timeout: 1m", "    needs: [redy]").finds(&[("LB0202", "redy", "no step is called `redy`", "`ready`")]);
    steps("  - { id: a, uses: wait, with: { duration: 1s }, needs: [b] }\n  - { id: b, uses: wait, with: { duration: 1s } }\n")
        .finds(&[("LB0203", "needs", "a needs b needs a", "")]);
    steps("  - { id: a, uses: wait, with: { duration: 1s }, needs: [a] }\n").finds(&[(
        "LB0203",
        "needs",
        "a needs a",
        "",
    )]);
    edited("    timeout: 1m", "    if: false").finds(&[("LB0204", "false", "`false` is never true", "")]);
    edited("    timeout: 1m", "    if: mode == 'fail-over'").finds(&[("LB0204", "mode == 'fail-over'", "never", "")]);
    edited("    timeout: 1m", "    if: inputs.label == 'red'").finds(&[]);
    edited("    timeout: 1m", "    if: from.region in impaired").finds(&[]);
    steps(
        "  - { id: a, uses: wait, with: { duration: 1s }, if: to.id == from.id }\n  - { id: b, uses: wait, with: { duration: 1s }, needs: a }\n",
    )
    .finds(&[("LB0204", "to.id == from.id", "never", ""), ("LB0204", "a", "every step that `b` needs", "")]);
}

#[test]
fn owners_of_one_cell() {
    let pair = |second: &str| {
        steps(&format!(
            "  - {{ id: a, uses: toy.dial, site: to, with: {{ name: d, percent: 0 }} }}\n  - {{ id: b, {second} }}\n"
        ))
    };
    pair("uses: toy.dial, site: to, with: { name: d, percent: 0 }").finds(&[]);
    pair("uses: toy.dial, site: to, needs: [], with: { name: d, percent: 0 }").finds(&[(
        "LB0205",
        "toy.dial",
        "neither needs the other",
        "add `a` to the `needs` of `b`",
    )]);
    pair("uses: toy.door, with: { name: d }").finds(&[("LB0205", "toy.door", "different kinds", "")]);
}

#[test]
fn sites() {
    edited("    site: from\n", "").finds(&[("LB0206", "id: close", "in which region", "`site: to`")]);
    edited("percent: 0 }", "percent: 0, region: x }").finds(&[]);
    edited("site: from", "site: r3").finds(&[("LB0207", "r3", "unknown site `r3`", "r1")]);
    let one = HEAD.split("  r2:").next().unwrap();
    whole(&format!("{one}steps: [{{ id: a, uses: wait, with: {{ duration: 1s }} }}]\n")).finds(&[(
        "LB0208",
        "sites",
        "at least two",
        "",
    )]);
    edited("  r2:\n    provider: toy", "  r2:\n    provider: other")
        .finds(&[("LB0109", "to", "a kind of toy", ""), ("LB0109", "from", "a kind of toy", "")]);
}

#[test]
fn expressions() {
    let name = |template: &str| edited("${{ to.dial }}", template);
    name("${{ to. }}").finds(&[("LB0301", "${{ to. }}", "cannot be read", "")]);
    edited("    timeout: 1m", "    if: mode = 'failover'").finds(&[(
        "LB0301",
        "mode = 'failover'",
        "cannot be read",
        "`==`",
    )]);
    edited("    timeout: 1m", "    if: has(to.zone) and true").finds(&[(
        "LB0301",
        "has(to.zone) and true",
        "cannot be read",
        "`&&`",
    )]);
    name("${{ to.dial").finds(&[("LB0301", "${{ to.dial", "never ends", "}}")]);
    name("${{ too.dial }}").finds(&[("LB0302", "${{ too.dial }}", "unknown name `too`", "`to`")]);
    name("d-${{ to.dail }}").finds(&[("LB0302", "${{ to.dail }}", "`to.dail`", "`dial`")]);
    name("${{ sites.r4.dial }}").finds(&[("LB0302", "${{ sites.r4.dial }}", "`sites.r4`", "did you mean `r")]);
    name("${{ inputs.shard }}").finds(&[("LB0302", "${{ inputs.shard }}", "`inputs.shard`", "`share`")]);
    name("${{ to.zone }}").finds(&[("LB0302", "${{ to.zone }}", "going from r2 to r1", "same vars")]);
    name("${{ upper(to.dial) }}").finds(&[("LB0302", "${{ upper(to.dial) }}", "unknown function `upper`", "")]);
    name("${{ to.dial + 1 }}").finds(&[("LB0303", "${{ to.dial + 1 }}", "`+` cannot be applied to (string, int)", "")]);
    name("d${{ to.ports }}").finds(&[("LB0303", "${{ to.ports }}", "a list, and cannot stand inside a text", "")]);
    name("${{ to.ports }}").finds(&[("LB0102", "${{ to.ports }}", "expected text, found a list", "")]);
    edited("    timeout: 1m", "    if: to.id").finds(&[("LB0303", "to.id", "true or false", "")]);
    edited("uses: toy.knock", "uses: ${{ to.url }}").finds(&[("LB0304", "${{ to.url }}", "not allowed in `uses`", "")]);
    edited("dial: d1", "dial: \"${{ to.id }}\"").finds(&[("LB0304", "\"${{ to.id }}\"", "not allowed", "")]);
}

#[test]
fn a_broken_template_hides_no_other_problem_of_its_step() {
    edited("name: \"${{ from.dial }}\", percent: 0", "name: \"${{ from.dail }}\", percent: 101, x: 1").finds(&[
        ("LB0302", "${{ from.dail }}", "`from.dail`", "`dial`"),
        ("LB0108", "101", "more than 100", ""),
        ("LB0101", "x", "unknown field", ""),
    ]);
}

#[test]
fn secrets_stay_where_they_belong() {
    let url = |template: &str| edited("\"${{ to.url }}\"", template);
    url("\"${{ secrets.TOKEN }}\"").finds(&[("LB0305", "\"${{ secrets.TOKEN }}\"", "does not take a secret", "")]);
    url("\"x/${{ secrets.TOKEN }}\"").finds(&[("LB0305", "${{ secrets.TOKEN }}", "cannot be part", "")]);
    edited("secrets.TOKEN", "secrets.TOKNE").finds(&[(
        "LB0302",
        "\"${{ secrets.TOKNE }}\"",
        "unknown secret",
        "`TOKEN`",
    )]);
    let open = edited("\"${{ secrets.TOKEN }}\"", "hunter2");
    open.finds(&[("LB0305", "hunter2", "takes a secret, by reference", "declare it")]);
    assert!(open.checked.findings.iter().all(|finding| !finding.message.contains("hunter2")));
}

#[test]
fn kinds_and_design() {
    edited("uses: toy.knock", "uses: toy.knok").finds(&[("LB0401", "toy.knok", "unknown kind", "`toy.knock`")]);
    edited("uses: toy.knock", "uses: dial").finds(&[("LB0401", "dial", "unknown kind", "`toy.dial`")]);
    steps("  - { id: open, uses: toy.dial, site: to, with: { name: d, percent: 5 } }\n").finds(&[(
        "LB0501",
        "toy.dial",
        "`open` sends clients",
        "check",
    )]);
    edited("timeout: 1m", "timeout: 15m").finds(&[(
        "LB0502",
        "20m",
        "21m, longer than the RTO of 20m: ready, open, close",
        "",
    )]);
}

#[test]
fn a_failover_that_depends_on_the_region_it_leaves() {
    edited("    on_impaired: skip\n", "").finds(&[
        (
            "LB0504",
            "toy.dial",
            "a failover away from r2 depends on the region that it leaves: `close` needs toy in west",
            "`on_impaired: skip`",
        ),
        (
            "LB0504",
            "toy.dial",
            "away from r1 depends on the region that it leaves: `close` needs toy in east",
            "`on_impaired: skip`",
        ),
    ]);
    edited("on_impaired: skip", "if: mode == 'switchover'").finds(&[]);
    let declared = edited("on_impaired: skip", "on_impaired: refuse");
    assert_eq!(declared.found().len(), 2, "the run is refused all the same: {:?}", declared.found());
    // Two sites in one region: what is gone with it is gone for both.
    edited("region: west\n    zone: w1", "region: east").finds(&[]);
}

#[test]
fn a_step_that_needs_a_third_region() {
    let third = "    with: { name: \"${{ from.dial }}\", percent: 0 }";
    let text = format!("{HEAD}{STEPS}").replace(third, "    with: { name: d, percent: 0, region: north }");
    let about = |text: &str, lost: Lost| {
        let source = Source::new("demo.yaml", text);
        let checked = check_without(&source, &catalog(), Some(lost));
        Test { source, checked }
    };
    let these = |region: &str| Lost::These([region.into()].into());
    let undeclared = text.replace("    on_impaired: skip\n", "");
    let expected = [("LB0505", "toy.dial", "`close` needs toy in north, and does not say", "`on_impaired: refuse`")];
    about(&undeclared, Lost::Each).finds(&expected);
    about(&undeclared, these("north")).finds(&expected);
    about(&undeclared, these("south")).finds(&[]);
    whole(&undeclared).finds(&[]);
    about(&text, Lost::Each).finds(&[]);

    let needs = about(&text, these("north")).checked.needs;
    let found: Vec<String> = needs
        .iter()
        .flat_map(|needs| needs.steps.iter().map(|step| format!("{} {} {:?}", needs.to, step.id, step.lost.len())))
        .collect();
    assert_eq!(found, ["r1 ready 0", "r1 open 0", "r1 close 1", "r2 ready 0", "r2 open 0", "r2 close 1"]);
}

#[test]
fn tasks_and_their_ways_back() {
    let rung = |rest: &str| {
        steps(&format!("{rest}  - {{ id: ring, uses: toy.bell, with: {{ times: 2 }}, undo: {{ times: 1 }} }}\n"))
    };
    rung("").finds(&[("LB0503", "toy.bell", "`ring` starts work at one site", "fence")]);
    rung("  - { id: lock, uses: toy.door, with: { name: d } }\n").finds(&[]);
    rung("  - { id: vouch, uses: approval }\n").finds(&[]);
    steps("  - { id: tell, uses: toy.bell, with: { times: 1 } }\n").finds(&[]);
    steps("  - { id: ring, uses: toy.bell, with: { times: 1 }, undo: { times: 0 } }\n").finds(&[(
        "LB0108",
        "0",
        "not heard",
        "",
    )]);
    steps("  - { id: lock, uses: toy.door, with: { name: d }, undo: { name: d } }\n").finds(&[(
        "LB0109",
        "undo",
        "`toy.door` takes no `undo`",
        "",
    )]);
}

#[test]
fn an_input_without_a_default_is_no_reason_to_complain() {
    let open = |new: &str| edited("share: { type: number, default: 100 }", &format!("share: {new}"));
    open("{ type: number }").finds(&[]);
    open("{ type: string }").finds(&[]);
    let two = "  - { id: a, uses: toy.door, with: { name: \"${{ inputs.one }}\" } }\n  - { id: b, uses: toy.door, needs: [], with: { name: \"${{ inputs.other }}\" } }\n";
    let head = HEAD.replace("inputs:\n", "inputs:\n  one: { type: string }\n  other: { type: string }\n");
    whole(&format!("{head}steps:\n{two}")).finds(&[]);
    open("{ type: string }\n  x: {}").finds(&[("LB0103", "x", "missing field `type`", "")]);
}

#[test]
fn ten_errors_are_reported_at_once() {
    let text = r#"lifeboat: 1
name: broken
sites:
  r1: { provider: toy, region: east, vars: { dial: d1 } }
  r2: { provider: toy, region: west, vars: { dial: d2 }, colour: red }
on_failure: explode
steps:
  - id: one
    uses: toy.dail
  - id: two
    uses: toy.dial
    site: r9
    with: { name: "${{ to.dail }}", percent: 5 }
    timeout: soon
  - id: two
    uses: toy.knock
    with: { urk: x }
    needs: [three]
    if: "mode = 'failover'"
  - id: four
    id: five
    uses: wait
    with: { duration: 5 }
"#;
    let test = whole(text);
    let codes: Vec<String> = test.found().into_iter().map(|(code, ..)| code).collect();
    let expected = [
        "LB0101", "LB0104", "LB0401", "LB0207", "LB0302", "LB0105", "LB0201", "LB0103", "LB0101", "LB0202", "LB0301",
        "LB0005", "LB0105",
    ];
    assert_eq!(codes, expected, "{}", test.screen());
    assert!(test.screen().ends_with("13 errors in demo.yaml; `lifeboat explain LB0101` tells more about a code\n"));
}

#[test]
fn expressions_without_end_are_not_all_parsed() {
    let many = "${{ to.dial }}".repeat(1500);
    let test = edited("name: ${{ to.dial }}", &format!("name: \"{many}\""));
    test.finds(&[("LB0304", "lifeboat: 1", "more than 1000 expressions", "")]);
    assert!(test.screen().len() < 1000);
}

#[test]
fn the_screen_of_a_cycle() {
    let test = steps(
        "  - { id: promote, uses: wait, with: { duration: 1s }, needs: [open] }\n  - { id: open, uses: wait, with: { duration: 1s } }\n",
    );
    let expected = "\
error[LB0203]: these steps wait for each other: promote needs open needs promote
  --> demo.yaml:23:56
   |
23 |   - { id: promote, uses: wait, with: { duration: 1s }, needs: [open] }
   |                                                        ^^^^^
   |
   = why: none of them could ever start
   = hint: take one of them out of another's `needs`; a step without `needs` needs the one before it

1 error in demo.yaml; `lifeboat explain LB0203` tells more about a code
";
    assert_eq!(test.screen(), expected);
}
