//! What the check finds in `drill` and in `objectives.probes`.

use super::fixture::{HEAD, STEPS, whole};

/// The sound runbook with these lines added.
fn drill(section: &str) -> super::fixture::Test {
    whole(&format!("{HEAD}drill: {section}\n{STEPS}"))
}

fn window(window: &str) -> super::fixture::Test {
    drill(&format!("{{ windows: [{{ {window} }}] }}"))
}

fn probe(probe: &str) -> super::fixture::Test {
    let objectives = format!("objectives: {{ rto: 20m, probes: [{{ {probe} }}] }}");
    whole(&format!("{}{STEPS}", HEAD.replace("objectives: { rto: 20m, rpo: 30s }", &objectives)))
}

#[test]
fn sound_sections() {
    drill("{}").finds(&[]);
    drill("{ windows: [], blackouts: [], max_per_day: 1000 }").finds(&[]);
    window("from: 09:00, to: \"17:30\", days: [mon, sun], timezone: America/New_York").finds(&[]);
    window("from: 22:00, to: 04:00").finds(&[]);
    drill("{ blackouts: [{ from: 2026-12-20, to: 2026-12-20, reason: the freeze }] }").finds(&[]);
    probe("name: page, uses: toy.knock, with: { url: \"${{ to.url }}\" }, interval: 100ms, tolerance: 5s").finds(&[]);
}

#[test]
fn windows() {
    drill("{ window: [] }").finds(&[("LB0101", "window", "unknown field `window`", "`windows`")]);
    drill("{ windows: { from: 09:00, to: 17:00 } }").finds(&[(
        "LB0102",
        "windows",
        "expected a list, found a mapping",
        "",
    )]);
    drill("{ windows: [09:00] }").finds(&[("LB0102", "09:00", "expected a mapping, found text", "")]);
    window("from: 09:00").finds(&[("LB0103", "{ from: 09:00", "missing field `to`", "to")]);
    window("from: 9, to: 17:00").finds(&[("LB0102", "9", "expected text, found a number", "quote it: \"9\"")]);
    window("from: 9am, to: 17:00").finds(&[("LB0104", "9am", "`9am` is not a time of day", "two digits each")]);
    window("from: 09:00, to: 24:00").finds(&[("LB0104", "24:00", "is not a time of day", "00:00 to 23:59")]);
    window("from: 09:00, to: 09:00").finds(&[("LB0108", "09:00", "ends when it begins", "over midnight")]);
    window("from: 09:00, to: 17:00, days: [mno]").finds(&[("LB0104", "mno", "not one of mon, tue", "`mon`")]);
    window("from: 09:00, to: 17:00, days: mon").finds(&[("LB0102", "mon", "expected a list", "")]);
    window("from: 09:00, to: 17:00, days: [1]").finds(&[("LB0102", "1", "expected text", "quote it")]);
    window("from: 09:00, to: 17:00, timezone: Europe/Berln").finds(&[(
        "LB0104",
        "Europe/Berln",
        "no time zone is called",
        "IANA",
    )]);
}

#[test]
fn blackouts() {
    let blackout = |blackout: &str| drill(&format!("{{ blackouts: [{{ {blackout} }}] }}"));
    blackout("from: 2026-12-20, to: 2027-01-05").finds(&[(
        "LB0103",
        "{ from: 2026-12-20, to: 2027-01-05",
        "missing field `reason`",
        "reason",
    )]);
    blackout("from: 20.12.2026, to: 2027-01-05, reason: x").finds(&[(
        "LB0104",
        "20.12.2026",
        "is not a date",
        "2026-12-20",
    )]);
    blackout("from: 2026-02-29, to: 2026-03-05, reason: x").finds(&[("LB0104", "2026-02-29", "is not a date", "")]);
    blackout("from: 2026-12-20, to: 2026-12-19, reason: x").finds(&[(
        "LB0108",
        "2026-12-19",
        "ends before it begins",
        "the same date twice",
    )]);
    blackout("from: 2026-12-20, to: 2026-12-21, reason: x, zone: UTC").finds(&[(
        "LB0101",
        "zone",
        "unknown field",
        "",
    )]);
}

#[test]
fn how_often() {
    drill("{ max_per_day: 0 }").finds(&[("LB0108", "0", "not between 1 and 1000", "blackout")]);
    drill("{ max_per_day: 1.5 }").finds(&[("LB0108", "1.5", "not between 1 and 1000", "")]);
    drill("{ max_per_day: two }").finds(&[("LB0102", "two", "expected a number, found text", "")]);
}

#[test]
fn probes() {
    let with = "with: { url: \"https://x/\" }";
    probe(&format!("uses: toy.knock, {with}")).finds(&[(
        "LB0103",
        "{ uses: toy.knock, with: { url: \"https://x/\"",
        "missing field `name`",
        "name",
    )]);
    probe(&format!("name: a b, uses: toy.knock, {with}")).finds(&[(
        "LB0104",
        "a b",
        "cannot be the name of a probe",
        "letters",
    )]);
    probe(&format!("name: p, uses: toy.knok, {with}")).finds(&[("LB0401", "toy.knok", "unknown kind", "`toy.knock`")]);
    probe("name: p, uses: toy.dial, with: { name: d, percent: 1 }").finds(&[(
        "LB0401",
        "toy.dial",
        "`toy.dial` is no check",
        "toy.knock",
    )]);
    probe("name: p, uses: toy.knock, with: {}").finds(&[("LB0103", "with", "missing field `url`", "url")]);
    probe("name: p, uses: toy.knock, with: https")
        .finds(&[("LB0102", "https", "expected a mapping", ""), ("LB0103", "https", "missing field `url`", "")]);
    probe(&format!("name: p, uses: toy.knock, {with}, interval: 99ms")).finds(&[(
        "LB0108",
        "99ms",
        "at most ten times a second",
        "",
    )]);
    probe(&format!("name: p, uses: toy.knock, {with}, tolerance: 5")).finds(&[("LB0105", "5", "no unit", "`5s`")]);
    probe(&format!("name: p, uses: toy.knock, {with} }}, {{ name: p, uses: toy.knock, {with}")).finds(&[(
        "LB0201",
        "p",
        "that of an earlier probe",
        "",
    )]);
    probe("name: p, uses: toy.knock, with: { url: \"${{ to.nothing }}\" }").finds(&[(
        "LB0302",
        "${{ to.nothing }}",
        "unknown name `to.nothing`",
        "known here",
    )]);
    probe(&format!("name: \"${{{{ to.id }}}}\", uses: toy.knock, {with}")).finds(&[
        ("LB0304", "\"${{ to.id }}\"", "not allowed in a probe's `name`", "templates go into"),
        ("LB0104", "\"${{ to.id }}\"", "cannot be the name of a probe", "letters"),
    ]);
}

#[test]
fn an_excerpt_shows_where() {
    insta::assert_snapshot!(window("from: 09:00, to: 24:00").screen());
}
