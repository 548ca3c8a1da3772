//! A condition over any facts: an expression that is true or false. Runbooks have their own; a world states its invariants so.

use super::expression::{Expression, Variables};
use serde_json::{Map, Value};

#[derive(Debug, Clone)]
pub struct Condition(Expression);

/// A condition that cannot be read, or says nothing of these facts.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the condition {condition:?}: {why}")]
pub struct BadCondition {
    pub condition: String,
    pub why: String,
}

impl Condition {
    pub fn parse(text: &str) -> Result<Self, BadCondition> {
        let bad = |flaw: super::expression::Flaw| BadCondition { condition: text.to_owned(), why: flaw.message };
        Expression::parse(text).map(Self).map_err(bad)
    }

    pub fn text(&self) -> &str {
        self.0.text()
    }

    /// Whether it holds for `facts`, by their names.
    pub fn holds(&self, facts: &Map<String, Value>) -> Result<bool, BadCondition> {
        let bad = |why: String| BadCondition { condition: self.text().to_owned(), why };
        let variables = Variables::new(facts.iter().map(|(name, value)| (name.as_str(), value)));
        match self.0.evaluate(&variables).map_err(|flaw| bad(flaw.message))? {
            Value::Bool(holds) => Ok(holds),
            other => Err(bad(format!("it yields {other}, neither true nor false"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_condition_holds_or_does_not_or_says_why_it_cannot_tell() {
        let facts = json!({ "cluster": { "wk1": { "actives": 2 } } });
        let facts = facts.as_object().unwrap();
        let holds = |text: &str| Condition::parse(text).and_then(|condition| condition.holds(facts));
        assert!(holds("cluster.wk1.actives > 1").unwrap());
        assert!(!holds("cluster.wk1.actives > 2").unwrap());
        for bad in
            ["cluster.wk2.actives > 1", "cluster.wk1.actives", "cluster.wk1.actives >", "clusters.wk1.actives > 1"]
        {
            assert!(holds(bad).unwrap_err().to_string().contains(bad), "{bad}");
        }
    }
}
