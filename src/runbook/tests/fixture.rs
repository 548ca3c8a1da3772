//! The toy catalog, and a runbook to break. It holds no assertion about the language.

use crate::runbook::{Checked, Intent, Source, check, diagnostics};
use lifeboat_contract::{
    Answer, CallError, Catalog, CellKey, Change, Check, ControlPlane, Cx, Finding, Findings, Mode, Observed, Performed,
    Refusal, Region, RunContext, Secret, Severity, SiteId, Span, Task, Touches, Transition, codes,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Turns a dial.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Dial {
    /// Which dial.
    name: String,
    /// The share of clients, in percent.
    percent: u8,
    #[serde(default)]
    region: Option<String>,
    /// How long to wait between two looks.
    #[serde(default)]
    #[expect(dead_code, reason = "only decoded")]
    pause: Option<Span>,
}

/// Opens or closes the door that a dial controls.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Door {
    name: String,
}

/// Asks whether somebody answers.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Knock {
    url: String,
    #[serde(default)]
    #[expect(dead_code, reason = "only decoded")]
    token: Option<Secret>,
    #[serde(default)]
    #[expect(dead_code, reason = "only decoded")]
    expect: BTreeMap<String, serde_json::Value>,
}

/// Rings for somebody to begin.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Bell {
    times: u8,
}

impl Task for Bell {
    const KIND: &'static str = "toy.bell";

    fn check(&self, findings: &mut Findings) {
        if self.times == 0 {
            findings.error(&["times"], codes::OUT_OF_RANGE, "a bell that is not rung is not heard");
        }
    }

    async fn perform(&self, _: &Cx) -> Result<Performed, CallError> {
        Err(CallError::definite("toy", "toy.unrung", "the language rings nothing"))
    }

    fn repeatable(&self) -> bool {
        false
    }

    fn describe(&self) -> String {
        format!("rings {} times", self.times)
    }
}

fn touches(name: &str, region: Option<&str>, run: &RunContext) -> Touches {
    let region = region.or(run.region()).map(Region::from);
    Touches {
        owns: vec![CellKey::of(name, "dial")],
        planes: vec![ControlPlane { service: "toy".to_owned(), region }],
        ..Touches::default()
    }
}

macro_rules! unobserved {
    () => {
        type State = BTreeMap<String, u8>;
        type Facts = ();

        async fn observe(&self, _: &Cx) -> Result<Observed<Self::State, ()>, CallError> {
            Err(CallError::definite("toy", "toy.unobserved", "the language observes nothing"))
        }

        fn target(&self, now: &Observed<Self::State, ()>, _: &RunContext) -> Result<Self::State, Refusal> {
            Ok(now.state.clone())
        }

        async fn drive(&self, _: &Cx, _: &Transition<Self::State, ()>) -> Result<(), CallError> {
            Err(CallError::definite("toy", "toy.undriven", "the language drives nothing"))
        }
    };
}

impl Change for Dial {
    const KIND: &'static str = "toy.dial";
    unobserved!();

    fn check(&self, findings: &mut Findings) {
        if self.percent > 100 {
            findings.error(&["percent"], codes::OUT_OF_RANGE, format!("{} is more than 100 percent", self.percent));
        }
    }

    fn touches(&self, run: &RunContext, _: Option<&Observed<Self::State, ()>>) -> Touches {
        Touches { opens_traffic: self.percent > 0, ..touches(&self.name, self.region.as_deref(), run) }
    }
}

impl Change for Door {
    const KIND: &'static str = "toy.door";
    unobserved!();

    fn touches(&self, run: &RunContext, _: Option<&Observed<Self::State, ()>>) -> Touches {
        Touches { fences: true, ..touches(&self.name, Some("global"), run) }
    }
}

impl Check for Knock {
    const KIND: &'static str = "toy.knock";

    async fn ask(&self, _: &Cx) -> Result<Answer, CallError> {
        Err(CallError::definite("toy", "toy.unasked", "the language asks nothing"))
    }

    fn question(&self) -> String {
        format!("knock at {}", self.url)
    }
}

pub(super) fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    catalog.change::<Dial>().change::<Door>().check::<Knock>().task::<Bell>();
    catalog
}

/// A sound runbook, up to its steps.
pub(super) const HEAD: &str = r#"lifeboat: 1
name: demo
summary: Moves the dial.
objectives: { rto: 20m, rpo: 30s }
inputs:
  share: { type: number, default: 100 }
  label: { type: string, default: blue }
secrets:
  TOKEN: { env: DEMO_TOKEN }
providers:
  toy: { account: "1111" }
sites:
  r1:
    provider: toy
    region: east
    vars: { dial: d1, url: "https://r1/", ports: [1, 2] }
  r2:
    provider: toy
    region: west
    zone: w1
    vars: { dial: d2, url: "https://r2/", ports: [3] }
"#;

/// Sound steps.
pub(super) const STEPS: &str = r#"steps:
  - id: ready
    uses: toy.knock
    with: { url: "${{ to.url }}", token: "${{ secrets.TOKEN }}" }
  - id: open
    uses: toy.dial
    site: to
    with:
      name: ${{ to.dial }}
      percent: ${{ inputs.share }}
  - id: close
    uses: toy.dial
    site: from
    with: { name: "${{ from.dial }}", percent: 0 }
    on_impaired: skip
    timeout: 1m
"#;

/// A runbook under test.
pub(super) struct Test {
    pub(super) source: Source,
    pub(super) checked: Checked,
}

/// The sound head with these steps, written without their common indentation.
pub(super) fn steps(text: &str) -> Test {
    whole(&format!("{HEAD}steps:\n{text}"))
}

/// The sound runbook with one text replaced by another.
pub(super) fn edited(old: &str, new: &str) -> Test {
    let text = format!("{HEAD}{STEPS}");
    assert!(text.contains(old), "the sound runbook has no {old:?}");
    whole(&text.replacen(old, new, 1))
}

pub(super) fn whole(text: &str) -> Test {
    let source = Source::new("demo.yaml", text);
    let checked = check(&source, &catalog());
    Test { source, checked }
}

impl Test {
    /// Each finding: its code, the text its caret points at, its message, its hint.
    pub(super) fn found(&self) -> Vec<(String, String, String, String)> {
        self.checked.findings.iter().map(|finding| self.line(finding)).collect()
    }

    fn line(&self, finding: &Finding) -> (String, String, String, String) {
        let span = self.checked.document.as_ref().and_then(|document| document.locate(&finding.path)).unwrap_or(0..0);
        let marked = self.source.text[span].lines().next().unwrap_or_default().to_owned();
        (finding.code.to_string(), marked, finding.message.clone(), finding.hint.clone().unwrap_or_default())
    }

    /// Expects exactly these findings: code, marked text, a part of the message, a part of the hint.
    #[track_caller]
    pub(super) fn finds(&self, expected: &[(&str, &str, &str, &str)]) {
        let found = self.found();
        let agrees = found.len() == expected.len()
            && found.iter().zip(expected).all(|(found, expected)| {
                found.0 == expected.0
                    && found.1 == expected.1
                    && found.2.contains(expected.2)
                    && found.3.contains(expected.3)
            });
        assert!(agrees, "expected {expected:#?}\nfound {found:#?}");
        let errors = self.checked.findings.iter().any(|finding| finding.severity == Severity::Error);
        assert_eq!(errors, self.checked.runbook.is_none(), "a runbook is there exactly when there is no error");
    }

    pub(super) fn screen(&self) -> String {
        diagnostics::render(&self.source, self.checked.document.as_ref(), &self.checked.findings, false)
    }
}

pub(super) fn going_to(site: &str) -> Intent {
    Intent {
        to: SiteId::from(site),
        from: None,
        mode: Mode::Switchover,
        accepted_loss: None,
        impaired: BTreeSet::new(),
        inputs: BTreeMap::new(),
    }
}
