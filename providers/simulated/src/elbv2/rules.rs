//! Rules of listeners, in order of priority. Each listener has a default rule besides, which is the listener's own actions.

use super::{
    Elb, Listener, Rule, actions, conditions,
    input::{invalid, listed, number, page, required},
    names::{default_rule_arn, rule_arn},
    operations::done,
};
use crate::{
    codec::{ApiError, Params, ServiceCx},
    shape::Shape,
};

const PRIORITIES: std::ops::RangeInclusive<u32> = 1..=50_000;

impl Elb {
    fn find_rule(&self, arn: &str) -> Result<&Rule, ApiError> {
        if let Some(listener) = self.listeners.keys().find(|listener| default_rule_arn(listener) == arn) {
            let message = format!("Default rule '{arn}' of listener '{listener}' cannot be modified or deleted");
            return Err(ApiError::bad("OperationNotPermitted", message));
        }
        self.rules.get(arn).ok_or_else(|| ApiError::bad("RuleNotFound", format!("Rule '{arn}' not found")))
    }

    /// A listener's rules, the most important first.
    pub(super) fn rules_of(&self, listener: &str) -> Vec<&Rule> {
        let mut rules: Vec<&Rule> = self.rules.values().filter(|rule| rule.listener == listener).collect();
        rules.sort_by_key(|rule| rule.priority);
        rules
    }

    pub(super) fn describe_rules(&self, params: &Params) -> Result<Shape, ApiError> {
        let arns = params.strings("RuleArns");
        let listeners: Vec<&Listener> = match params.given("ListenerArn") {
            Some(arn) => vec![self.find_listener(arn)?],
            None if arns.is_empty() => {
                return Err(invalid("You must specify either listener rule ARNs or a listener ARN"));
            }
            None => self.listeners.values().collect(),
        };
        let mut all = Vec::new();
        for listener in listeners {
            let ruled = self.rules_of(&listener.arn).into_iter().map(|rule| (rule.arn.clone(), rule.describe()));
            all.extend(ruled.chain([(default_rule_arn(&listener.arn), describe_default(listener))]));
        }
        if arns.iter().any(|arn| !all.iter().any(|(present, _)| present == arn)) {
            return Err(ApiError::bad("RuleNotFound", "One or more rules not found"));
        }
        let shown = all.into_iter().filter(|(arn, _)| arns.is_empty() || arns.contains(arn));
        page(params, "Rules", shown.map(|(_, rule)| rule).collect())
    }

    pub(super) fn create_rule(&mut self, params: &Params, cx: &ServiceCx<'_>) -> Result<Shape, ApiError> {
        let listener = self.find_listener(required(params, "ListenerArn")?)?;
        let (listener, balancer) = (listener.arn.clone(), listener.load_balancer.clone());
        let priority =
            number(params, "Priority", PRIORITIES)?.ok_or_else(|| invalid("A priority must be specified"))?;
        if self.rules_of(&listener).iter().any(|rule| rule.priority == priority) {
            return Err(ApiError::bad("PriorityInUse", format!("Priority '{priority}' is currently in use")));
        }
        let conditions = conditions::read(params)?;
        if conditions.is_empty() {
            return Err(invalid("A condition must be specified"));
        }
        let actions = self.actions(params, "Actions", &balancer)?;
        let arn = rule_arn(&listener, &self.fresh("listener-rule", cx));
        self.tag_new(params, &arn)?;
        let rule = Rule { arn: arn.clone(), listener, priority, conditions, actions };
        let described = rule.describe();
        self.rules.insert(arn, rule);
        Ok(listed("Rules", vec![described]))
    }

    /// Replaces the conditions, or the actions, or both: each of them whole.
    pub(super) fn modify_rule(&mut self, params: &Params) -> Result<Shape, ApiError> {
        let mut rule = self.find_rule(required(params, "RuleArn")?)?.clone();
        let balancer = self.find_listener(&rule.listener)?.load_balancer.clone();
        if params.has("Conditions") {
            rule.conditions = conditions::read(params)?;
        }
        if params.has("Actions") {
            rule.actions = self.actions(params, "Actions", &balancer)?;
        }
        let described = rule.describe();
        self.rules.insert(rule.arn.clone(), rule);
        Ok(listed("Rules", vec![described]))
    }

    /// Gives rules their new priorities, all at once.
    pub(super) fn set_rule_priorities(&mut self, params: &Params) -> Result<Shape, ApiError> {
        let mut changed = Vec::new();
        for pair in params.list("RulePriorities") {
            let mut rule = self.find_rule(required(&pair, "RuleArn")?)?.clone();
            rule.priority =
                number(&pair, "Priority", PRIORITIES)?.ok_or_else(|| invalid("A priority must be specified"))?;
            changed.push(rule);
        }
        self.rules.extend(changed.iter().map(|rule| (rule.arn.clone(), rule.clone())));
        for rule in &changed {
            let same =
                self.rules_of(&rule.listener).into_iter().filter(|other| other.priority == rule.priority).count();
            if same > 1 {
                return Err(ApiError::bad(
                    "PriorityInUse",
                    format!("Priority '{}' is currently in use", rule.priority),
                ));
            }
        }
        Ok(listed("Rules", changed.iter().map(Rule::describe).collect()))
    }

    pub(super) fn delete_rule(&mut self, params: &Params) -> Result<Shape, ApiError> {
        let arn = self.find_rule(required(params, "RuleArn")?)?.arn.clone();
        self.rules.remove(&arn);
        self.tags.remove(&arn);
        Ok(done())
    }
}

impl Rule {
    fn describe(&self) -> Shape {
        Shape::Struct(vec![
            ("RuleArn", (&self.arn).into()),
            ("Priority", self.priority.to_string().into()),
            ("Conditions", conditions::describe(&self.conditions)),
            ("Actions", actions::describe(&self.actions)),
            ("IsDefault", false.into()),
        ])
    }
}

fn describe_default(listener: &Listener) -> Shape {
    Shape::Struct(vec![
        ("RuleArn", default_rule_arn(&listener.arn).into()),
        ("Priority", "default".into()),
        ("Conditions", Shape::List("member", Vec::new())),
        ("Actions", actions::describe(&listener.actions)),
        ("IsDefault", true.into()),
    ])
}
